//! A provider whose behaviour is scripted: a real HTTP service, in the same process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use bucket_operator::{Provider, State};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::{BoxError, ServiceExt as _};

/// How the provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers.
    Well,
    /// Connections are refused.
    Away,
    /// Each answer is 503.
    Failing,
    /// Each answer is 429.
    Busy,
    /// Each answer takes longer than anybody waits.
    Slow,
    /// It makes what it is asked for, and its answers never come.
    Mute,
}

#[derive(Debug)]
struct Held {
    region: String,
    policy: Option<String>,
    ready: Instant,
    gone: Option<Instant>,
}

/// What the provider keeps, and what it was asked.
#[derive(Debug)]
struct Inside {
    mood: Mood,
    /// How many buckets it lets somebody have.
    quota: usize,
    held: BTreeMap<String, Held>,
    /// How many it has ever made.
    made: usize,
    calls: usize,
    in_flight: usize,
    most_in_flight: usize,
}

/// The provider.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    inside: Arc<Mutex<Inside>>,
}

/// How long it takes to make or to delete a bucket.
pub(crate) const WORK: Duration = Duration::from_secs(12);

/// The one region that there is.
pub(crate) const REGION: &str = "north";

impl Scripted {
    pub(crate) fn new() -> Self {
        let inside = Inside {
            mood: Mood::Well,
            quota: 100,
            held: BTreeMap::new(),
            made: 0,
            calls: 0,
            in_flight: 0,
            most_in_flight: 0,
        };
        Self { inside: Arc::new(Mutex::new(inside)) }
    }

    /// The operator's way to it.
    pub(crate) fn connect(&self) -> Provider {
        let (inside, router) = (Arc::clone(&self.inside), self.router());
        let service = tower::service_fn(move |request| {
            let (inside, router) = (Arc::clone(&inside), router.clone());
            async move {
                if inside.lock().mood == Mood::Away {
                    inside.lock().calls += 1;
                    return Err(BoxError::from("connection refused"));
                }
                router.oneshot(request).await.map_err(BoxError::from)
            }
        });
        Provider::over("http://provider.example", service)
    }

    fn router(&self) -> Router {
        let bucket = put(make).delete(remove);
        Router::new().route("/buckets/{name}", bucket).with_state(self.clone())
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.inside.lock().mood = mood;
    }

    pub(crate) fn set_quota(&self, quota: usize) {
        self.inside.lock().quota = quota;
    }

    /// Loses a bucket, as if somebody had deleted it by hand.
    pub(crate) fn lose(&self, name: &str) {
        self.inside.lock().held.remove(name);
    }

    pub(crate) fn calls(&self) -> usize {
        self.inside.lock().calls
    }

    pub(crate) fn made(&self) -> usize {
        self.inside.lock().made
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.inside.lock().most_in_flight
    }

    /// The names of the buckets that there are.
    pub(crate) fn names(&self) -> Vec<String> {
        self.inside.lock().held.keys().cloned().collect()
    }

    pub(crate) fn policy(&self, name: &str) -> Option<String> {
        self.inside.lock().held.get(name)?.policy.clone()
    }

    /// Takes a call; what it is answered if not in the usual way.
    async fn enter(&self) -> (InFlight, Option<Response>) {
        let mood = {
            let mut inside = self.inside.lock();
            inside.calls += 1;
            inside.in_flight += 1;
            inside.most_in_flight = inside.most_in_flight.max(inside.in_flight);
            inside.mood
        };
        let guard = InFlight(self.clone());
        match mood {
            Mood::Failing => (guard, Some(StatusCode::SERVICE_UNAVAILABLE.into_response())),
            Mood::Busy => {
                let body = json!({"code": "SlowDown", "message": "too many requests"});
                (guard, Some((StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()))
            }
            Mood::Slow => {
                sleep(Duration::from_hours(1)).await;
                (guard, Some(StatusCode::GATEWAY_TIMEOUT.into_response()))
            }
            Mood::Well | Mood::Away | Mood::Mute => (guard, None),
        }
    }

    /// Never returns where answers do not come.
    async fn answer(&self, status: StatusCode, body: Value) -> Response {
        if self.inside.lock().mood == Mood::Mute {
            std::future::pending::<()>().await;
        }
        (status, Json(body)).into_response()
    }

    fn refusal(&self, name: &str, region: &str) -> Option<(StatusCode, Value)> {
        let inside = self.inside.lock();
        if region != REGION {
            let message = format!("there is no region {region}");
            let body = json!({"code": "UnknownRegion", "message": message});
            return Some((StatusCode::UNPROCESSABLE_ENTITY, body));
        }
        if !inside.held.contains_key(name) && inside.held.len() >= inside.quota {
            let body = json!({"code": "QuotaExceeded", "message": "no more buckets in this account"});
            return Some((StatusCode::FORBIDDEN, body));
        }
        None
    }
}

/// A call on its way.
struct InFlight(Scripted);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.inside.lock().in_flight -= 1;
    }
}

async fn make(
    Shared(provider): Shared<Scripted>,
    Path(name): Path<String>,
    Json(wish): Json<Value>,
) -> Response {
    let (_guard, unusual) = provider.enter().await;
    if let Some(answer) = unusual {
        return answer;
    }
    let region = wish["region"].as_str().unwrap_or_default().to_owned();
    if let Some((status, body)) = provider.refusal(&name, &region) {
        return provider.answer(status, body).await;
    }
    let policy = wish["policy"].as_str().map(str::to_owned);
    let state = {
        let now = Instant::now();
        let mut inside = provider.inside.lock();
        if !inside.held.contains_key(&name) {
            inside.made += 1;
            let held = Held { region: region.clone(), policy: None, ready: now + WORK, gone: None };
            inside.held.insert(name.clone(), held);
        }
        let ready = inside.held.get_mut(&name).map(|held| {
            (held.region, held.policy) = (region, policy);
            held.ready <= now
        });
        if ready == Some(true) { State::Ready } else { State::Creating }
    };
    provider.answer(StatusCode::OK, json!({"state": state})).await
}

async fn remove(Shared(provider): Shared<Scripted>, Path(name): Path<String>) -> Response {
    let (_guard, unusual) = provider.enter().await;
    if let Some(answer) = unusual {
        return answer;
    }
    let is_there = {
        let now = Instant::now();
        let mut inside = provider.inside.lock();
        let gone = inside.held.get_mut(&name).map(|held| *held.gone.get_or_insert(now + WORK));
        if gone.is_some_and(|gone| gone <= now) {
            inside.held.remove(&name);
        }
        inside.held.contains_key(&name)
    };
    let (status, state) =
        if is_there { (StatusCode::ACCEPTED, State::Deleting) } else { (StatusCode::NOT_FOUND, State::Gone) };
    provider.answer(status, json!({"state": state})).await
}
