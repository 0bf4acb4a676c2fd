//! Who comes in, with an API server that answers as told.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;
use crate::manager::endpoints::{Endpoints, Pages};
use crate::manager::health::Health;
use crate::manager::letters::Letters;
use crate::manager::{BoxError, Liveness, Manager, Readiness};
use crate::testing::Logged;
use crate::{Client, ClientOptions, DeadLetters, Error, Informers, Leadership, MemoryLedger, Metrics};

/// How the API server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    Away,
    Silent,
    /// Refuses with this code, quoting what it was sent.
    Refusing(u16),
    /// Answers with something else than a review, quoting what it was sent.
    Babbling,
}

/// An API server that knows ann, who may read and replay, and bob, who may nothing.
#[derive(Clone, Default)]
struct ApiServer {
    mood: Arc<Mutex<Mood>>,
    questions: Arc<Mutex<Vec<String>>>,
    load: Arc<Mutex<Load>>,
}

/// Requests that are being answered, now and at most.
#[derive(Default)]
struct Load {
    now: usize,
    most: usize,
}

/// A request that is being answered.
struct Open(Arc<Mutex<Load>>);

impl Open {
    fn new(load: &Arc<Mutex<Load>>) -> Self {
        let mut guard = load.lock();
        guard.now += 1;
        guard.most = guard.most.max(guard.now);
        Self(Arc::clone(load))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().now -= 1;
    }
}

impl ApiServer {
    fn environment() -> Environment {
        Environment::simulated(3, Timestamp::UNIX_EPOCH)
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| server.clone().serve(request));
        let inner = kube::Client::new(service, "default");
        Client::new(inner, ClientOptions::default(), &Self::environment(), &Metrics::new())
    }

    fn endpoints(&self) -> Endpoints {
        let client = self.client();
        let (metrics, ledger) = (Metrics::new(), Arc::new(MemoryLedger::new()));
        metrics.gauge("answer", "The answer").with(&[]).set(42);
        Endpoints {
            metrics: metrics.clone(),
            health: Health {
                readiness: Readiness::default(),
                liveness: Liveness::default(),
                informers: Informers::new(client.clone(), Self::environment(), metrics),
                leadership: Leadership::without_election(),
                reach: Arc::default(),
            },
            letters: Letters { letters: DeadLetters::new(ledger), is_open: false },
            gate: Gate::new(MetricsAccess::Delegated, &client),
        }
    }

    async fn serve(self, request: Request<Body>) -> Result<Response<Full<Bytes>>, BoxError> {
        let _open = Open::new(&self.load);
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let mood = *self.mood.lock();
        let (code, answer) = match mood {
            Mood::Away => return Err("connection refused".into()),
            Mood::Silent => std::future::pending().await,
            Mood::Refusing(code) => (code, refusal(code, &body)),
            Mood::Babbling => (201, json!({"status": String::from_utf8_lossy(&body)})),
            Mood::Well => {
                let mut review: Value = serde_json::from_slice(&body)?;
                self.review(&path, &mut review);
                (201, review)
            }
        };
        Ok(Response::builder().status(code).body(Full::from(answer.to_string()))?)
    }

    fn review(&self, path: &str, review: &mut Value) {
        let spec = review["spec"].clone();
        let (question, status) = match path {
            "/apis/authentication.k8s.io/v1/tokenreviews" => {
                let token = spec["token"].as_str().unwrap();
                let user = token.strip_prefix("token-of-").filter(|name| ["ann", "bob"].contains(name));
                let info = user.map(|name| json!({"username": name, "uid": "7", "groups": ["people"]}));
                (format!("who {token}"), json!({"authenticated": user.is_some(), "user": info}))
            }
            "/apis/authorization.k8s.io/v1/subjectaccessreviews" => {
                assert_eq!((&spec["uid"], &spec["groups"]), (&json!("7"), &json!(["people"])));
                let attributes = &spec["nonResourceAttributes"];
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let (user, verb, path) =
                    (text(&spec["user"]), text(&attributes["verb"]), text(&attributes["path"]));
                let may = user == "ann" && verb != "delete";
                (format!("{user} {verb} {path}"), json!({"allowed": may}))
            }
            other => panic!("{other} was asked for"),
        };
        self.questions.lock().push(question);
        review["status"] = status;
    }

    fn be(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.questions.lock())
    }
}

fn refusal(code: u16, body: &[u8]) -> Value {
    let reason = if code == 403 { "Forbidden" } else { "Invalid" };
    let message = format!("not with {}", String::from_utf8_lossy(body));
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

async fn ask(endpoints: &Endpoints, method: Method, path: &str, token: Option<&str>) -> (u16, String) {
    let header = token.map(|token| format!("Bearer {token}"));
    let (status, _, body) = ask_with(endpoints, method, path, header.as_deref()).await;
    (status, body)
}

async fn ask_with(
    endpoints: &Endpoints,
    method: Method,
    path: &str,
    authorization: Option<&str>,
) -> (u16, http::HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let response = endpoints.respond(Pages::All, ELSEWHERE, &parts).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn z2_without_a_token_401_without_the_right_403_with_it_the_answer() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    for wrong in [
        None,
        Some("Bearer unknown"),
        Some("Bearer "),
        Some("Basic dG9rZW4tb2YtYW5u"),
        Some("token-of-ann"),
        Some("Bearer token-of-ann token-of-ann"),
    ] {
        let (status, headers, body) = ask_with(&endpoints, Method::GET, "/metrics", wrong).await;
        assert_eq!((status, body.contains("answer")), (401, false), "{wrong:?}: {body}");
        assert_eq!(headers["www-authenticate"], "Bearer");
    }
    let cases = [
        (Method::GET, "/metrics", "get /metrics", 200),
        (Method::HEAD, "/metrics", "", 200),
        (Method::POST, "/metrics", "post /metrics", 405),
        (Method::GET, "/deadletters", "get /deadletters", 200),
        (Method::GET, "/deadletters/history?limit=1", "get /deadletters/history", 200),
        (Method::POST, "/deadletters/replay?reason=A", "post /deadletters/replay", 200),
        (Method::DELETE, "/deadletters?reason=A", "delete /deadletters", 403),
        (Method::GET, "/anything", "get /anything", 404),
    ];
    server.asked();
    for (method, path, question, expected) in cases {
        let (status, body) = ask(&endpoints, method.clone(), path, Some("token-of-ann")).await;
        assert_eq!(status, expected, "{method} {path}: {body}");
        let asked = server.asked().into_iter().find_map(|asked| Some(asked.strip_prefix("ann ")?.to_owned()));
        assert_eq!(asked.unwrap_or_default(), question, "{method} {path}");
        let (status, body) = ask(&endpoints, method.clone(), path, Some("token-of-bob")).await;
        assert_eq!(status, 403, "{method} {path}: {body}");
        assert!(body.contains(r#"\"bob\" may not"#) && body.contains("nonResourceURLs"), "{body}");
        assert_eq!(ask(&endpoints, method, path, None).await.0, 401);
        server.asked();
    }
    server.be(Mood::Away);
    for probe in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(ask(&endpoints, Method::GET, probe, None).await.0, 200, "kubelet shows no token");
    }
}

#[tokio::test(start_paused = true)]
async fn z2_answers_hold_for_a_while_and_not_longer() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    let ann = "who token-of-ann";
    // After so many seconds since the last time, these are the questions.
    for (pause, token, questions) in [
        (0, "token-of-ann", vec![ann, "ann get /metrics"]),
        (59, "token-of-ann", vec![]),
        (1, "token-of-ann", vec![ann]),
        (239, "token-of-ann", vec![ann]),
        (1, "token-of-ann", vec!["ann get /metrics"]),
        (0, "token-of-bob", vec!["who token-of-bob", "bob get /metrics"]),
        (29, "token-of-bob", vec![]),
        (1, "token-of-bob", vec!["bob get /metrics"]),
        (0, "nobody", vec!["who nobody"]),
        (59, "nobody", vec![]),
        (1, "nobody", vec!["who nobody"]),
    ] {
        sleep(Duration::from_secs(pause)).await;
        ask(&endpoints, Method::GET, "/metrics", Some(token)).await;
        assert_eq!(server.asked(), questions, "{pause} s later, {token}");
    }
}

#[tokio::test(start_paused = true)]
async fn z2_strangers_neither_push_out_who_is_known_nor_flood_the_api_server() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some("token-of-ann")).await.0, 200);
    for number in 0..3000 {
        let token = format!("guess-{number}");
        assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some(&token)).await.0, 401);
    }
    assert_eq!(server.asked().len(), 3002);
    assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some("token-of-ann")).await.0, 200);
    assert_eq!(server.asked(), Vec::<String>::new());
    server.be(Mood::Silent);
    let crowd = (0..64).map(|number| {
        let endpoints = endpoints.clone();
        async move { ask(&endpoints, Method::GET, "/metrics", Some(&format!("new-{number}"))).await.0 }
    });
    let start = Instant::now();
    let answers: BTreeSet<u16> = futures::future::join_all(crowd).await.into_iter().collect();
    assert_eq!((answers, start.elapsed().as_secs()), (BTreeSet::from([503]), 4));
    assert_eq!(server.load.lock().most, 4, "questions at once");
}

#[tokio::test(start_paused = true)]
async fn z2_nobody_comes_in_while_the_api_server_cannot_be_asked() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    for (mood, word, seconds) in [
        (Mood::Away, "ConnectionFailed", 0),
        (Mood::Silent, "RequestTimeout", 4),
        (Mood::Refusing(403), "system:auth-delegator", 0),
        (Mood::Refusing(500), "failed (Invalid)", 0),
        (Mood::Babbling, "UnreadableAnswer", 0),
    ] {
        server.be(mood);
        let start = Instant::now();
        let asked = ask_with(&endpoints, Method::GET, "/metrics", Some("Bearer token-of-ann"));
        let (status, headers, body) = asked.await;
        assert_eq!(status, 503, "{mood:?}: {body}");
        assert!(body.contains(word) && !body.contains("answer{}"), "{mood:?}: {body}");
        assert_eq!(headers["retry-after"], "5");
        assert_eq!(start.elapsed().as_secs(), seconds, "{mood:?}");
    }
    server.be(Mood::Well);
    assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some("token-of-ann")).await.0, 200);
    server.be(Mood::Away);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some("token-of-ann")).await.0, 200);
    let (status, body) = ask(&endpoints, Method::GET, "/deadletters", Some("token-of-ann")).await;
    assert!(
        status == 503 && body.contains("subjectaccessreviews"),
        "who is known may not everything: {body}"
    );
    sleep(Duration::from_secs(31)).await;
    assert_eq!(ask(&endpoints, Method::GET, "/metrics", Some("token-of-ann")).await.0, 503);
}

#[tokio::test(start_paused = true)]
async fn z3_a_token_is_in_no_answer_no_log_line_and_no_debug_output() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    let log = Logged::default();
    let _guard = log.listen();
    let moods = [Mood::Well, Mood::Refusing(403), Mood::Refusing(422), Mood::Babbling, Mood::Away];
    for (mood, token) in
        moods.iter().flat_map(|mood| ["token-of-bob", "token-of-ann", "strange-token"].map(|t| (mood, t)))
    {
        server.be(*mood);
        // Each time asked anew.
        sleep(Duration::from_mins(10)).await;
        let (_, headers, body) =
            ask_with(&endpoints, Method::GET, "/metrics", Some(&format!("Bearer {token}"))).await;
        let debug = format!("{headers:?} {endpoints:?}");
        assert!(!body.contains(token) && !debug.contains(token), "{mood:?}: {body} {debug}");
    }
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("metrics are refused")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("token-of") || line.contains("strange")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn z2_the_history_names_who_changed_dead_letters_by_the_name_the_api_server_knows() {
    let server = ApiServer::default();
    let endpoints = server.endpoints();
    let log = Logged::default();
    let _guard = log.listen();
    let (status, body) =
        ask(&endpoints, Method::POST, "/deadletters/replay?all=true", Some("token-of-ann")).await;
    assert_eq!((status, &*body), (200, "{\"count\":0}\n"));
    assert!(log.lines().iter().any(|line| line.contains("by=ann")), "{:?}", log.lines());
}

#[tokio::test]
async fn z2_metrics_are_not_open_to_others_unless_somebody_says_so() {
    let server = ApiServer::default();
    let run = |address: [u8; 4], access: Option<MetricsAccess>| {
        let mut manager = Manager::new("test").client(server.client()).environment(ApiServer::environment());
        manager = manager.serve_metrics((address, 0)).serve_probes(([0, 0, 0, 0], 0));
        if let Some(access) = access {
            manager = manager.metrics_access(access);
        }
        manager.run_until(std::future::ready(()))
    };
    let error = run([0, 0, 0, 0], None).await.unwrap_err();
    assert!(matches!(error, Error::Unprotected { .. }) && error.reason() == "Unprotected", "{error:?}");
    assert!(error.to_string().contains("Manager::metrics_access"), "{error}");
    run([127, 0, 0, 1], None).await.unwrap();
    run([0, 0, 0, 0], Some(MetricsAccess::Delegated)).await.unwrap();
    run([0, 0, 0, 0], Some(MetricsAccess::Unprotected)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn z2_the_address_for_probes_shows_nothing_else() {
    let endpoints = ApiServer::default().endpoints();
    for (path, expected) in
        [("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/metrics", 404), ("/deadletters", 404)]
    {
        let request = Request::get(path).header("authorization", "Bearer token-of-ann");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = endpoints.respond(Pages::Probes, ELSEWHERE, &parts).await;
        assert_eq!(response.status().as_u16(), expected, "{path}");
    }
}
