//! A portal over a database in memory, filled by hand, and over an API server in the same process.

use axum::Router;
use axum::body::Body;
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use pilothouse::{Client, ClientOptions, Metrics};
use pilothouse_apiserver::ApiServer;
use pilothouse_machinery::Environment;
use tower::ServiceExt as _;

use crate::portal::{PortalOptions, PortalState, router};
use crate::store::{Location, Store};

/// When the fixture's jobs were created: the environment begins a minute later.
pub(super) const CREATED: i64 = 1_800_000_000;

pub(super) struct Portal {
    pub(super) store: Store,
    pub(super) server: ApiServer,
    router: Router,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Portal {
    pub(super) async fn new() -> Self {
        let store = Store::open(&Location::Memory).await.unwrap();
        let epoch = Timestamp::from_second(CREATED + 60).unwrap();
        let environment = Environment::simulated(7, epoch);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let inner = pilothouse::kube::Client::new(server.clone(), "default");
        let client = Client::new(inner, ClientOptions::default(), &environment, &Metrics::new());
        let options = PortalOptions {
            cluster: "test".to_owned(),
            allowed_hosts: vec!["logbook.example.com".to_owned()],
        };
        let router = router(PortalState::new(store.clone(), Some(client), environment, options));
        Self { store, server, router }
    }

    /// A read-only portal over the same database.
    pub(super) fn read_only(&self) -> Self {
        let environment = Environment::simulated(8, Timestamp::from_second(CREATED + 60).unwrap());
        let state = PortalState::new(self.store.clone(), None, environment, PortalOptions::default());
        Self { store: self.store.clone(), server: self.server.clone(), router: router(state) }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, address: &str) -> Answer {
        self.ask(request(Method::GET, address).body(Body::empty()).unwrap()).await
    }

    /// Adds a job that went through `states`, one second each, with one revision and one transition for each.
    pub(super) async fn add(&self, name: &str, states: &[&str]) -> String {
        let uid = uid_of(name);
        let mut writer = self.store.writer().await;
        let mut transaction = writer.begin().await.unwrap();
        let ended = match states.last() {
            Some(&("Succeeded" | "Failed" | "Cancelled" | "Lost")) => Some((CREATED + 10) * 1000),
            _ => None,
        };
        let last = states.last().copied().unwrap_or("Submitted");
        sqlx::query("INSERT OR IGNORE INTO cluster VALUES (1, 'test', 0, 'test')")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let job: i64 = sqlx::query_scalar(
            "INSERT INTO job (cluster_id, uid, kind, namespace, name, state, attempt, resource_version, active,
                 ready, succeeded, failed, created_at, ended_at, state_since, coverage, last_sequence, facts, exit_code,
                 reason, message)
             VALUES (1, $1, 'batch/v1 Job', 'default', $2, $3, 1, '9', 0, 0, 0, 1, $4, $5, $4, 'full', $6, '{}', $7,
                 $8, $9) RETURNING id",
        )
        .bind(&uid)
        .bind(name)
        .bind(last)
        .bind(CREATED * 1000)
        .bind(ended)
        .bind(i64::try_from(states.len()).unwrap())
        .bind((last == "Failed").then_some(127))
        .bind((last == "Failed").then_some("BackoffLimitExceeded"))
        .bind((last == "Failed").then_some("<b>Job</b> has reached the specified backoff limit"))
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        let mut latest = 0;
        for (index, state) in states.iter().enumerate() {
            let index = i64::try_from(index).unwrap();
            latest = step(&mut transaction, job, &uid, name, index, state).await;
        }
        transaction.commit(Some(latest)).await.unwrap();
        uid
    }
}

async fn step(
    connection: &mut sqlx::SqliteConnection,
    job: i64,
    uid: &str,
    name: &str,
    index: i64,
    state: &str,
) -> i64 {
    let document =
        format!(r#"{{"metadata":{{"name":"web","labels":{{"step":"{index}"}}}},"spec":{{"a":1}}}}"#);
    let document_id: i64 = sqlx::query_scalar(
        "INSERT INTO document (sha256, encoding, length, bytes) VALUES (randomblob(32), 'zstd', $1, $2) RETURNING id",
    )
    .bind(i64::try_from(document.len()).unwrap())
    .bind(zstd::bulk::compress(document.as_bytes(), 3).unwrap())
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let revision: i64 = sqlx::query_scalar(
        "INSERT INTO revision (cluster_id, resource, uid, name, resource_version, event_class, event, observed_at,
             provenance, job_id, document_id)
         VALUES (1, 'jobs.batch/v1', $1, $2, $3, 'state', 'modified', $4, 'watch', $5, $6) RETURNING id",
    )
    .bind(uid)
    .bind(name)
    .bind((index + 1).to_string())
    .bind((CREATED + index) * 1000)
    .bind(job)
    .bind(document_id)
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    sqlx::query_scalar(
        "INSERT INTO transition (job_id, sequence, revision_id, resource_version, to_state, attempt, observed_at,
             effective_at, effective_source, provenance)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $6, 'observed', 'watch') RETURNING id",
    )
    .bind(job)
    .bind(index + 1)
    .bind(revision)
    .bind((index + 1).to_string())
    .bind(state)
    .bind((CREATED + index) * 1000)
    .fetch_one(connection)
    .await
    .unwrap()
}

/// The uid of the fixture's job of this name: without the characters of hostile ones.
pub(super) fn uid_of(name: &str) -> String {
    let letters = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    format!("uid-{}", letters.collect::<String>())
}

/// A request to the portal under a loopback name.
pub(super) fn request(method: Method, address: &str) -> http::request::Builder {
    Request::builder().method(method).uri(address).header(HOST, "localhost:8080")
}

/// A form posted by the page that holds `token`, from the browser that holds `cookie`.
pub(super) fn form(address: &str, cookie: &str, body: String) -> Request<Body> {
    request(Method::POST, address)
        .header(COOKIE, cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://localhost:8080")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .unwrap()
}

impl Answer {
    /// The cookies that the answer sets, as a browser gives them back.
    pub(super) fn cookie(&self) -> String {
        let set = self.headers.get_all(SET_COOKIE).iter();
        let pairs = set.filter_map(|value| value.to_str().unwrap().split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The token in the page's form.
    pub(super) fn token(&self) -> String {
        let (_, rest) = self.text.split_once(r#"name="token" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}
