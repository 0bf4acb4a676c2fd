//! A server that follows a script, for tests of the client's side alone.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use jiff::Timestamp;
use kube::client::Body;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::client::{Client, ClientOptions};
use crate::metrics::Metrics;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the server does with the next request.
pub(crate) enum Step {
    /// Answers.
    Answer(u16, Vec<(&'static str, &'static str)>, String),
    /// Answers with this media type and body.
    Binary(&'static str, Vec<u8>),
    /// Answers with a body that comes piece by piece.
    Stream(mpsc::UnboundedReceiver<Result<Bytes, BoxError>>),
    /// Fails the connection.
    Refuse,
    /// Panics: a fault in the client's own stack.
    Panic,
    /// Never answers.
    Hang,
    /// Answers with this status and a body that never comes.
    Stall(u16),
}

/// The sending end of a streamed body. Dropping it ends the body.
pub(crate) struct Feed(mpsc::UnboundedSender<Result<Bytes, BoxError>>);

impl Feed {
    pub(crate) fn event(&self, event_type: &str, object: &Value) {
        self.text(&format!("{}\n", json!({"type": event_type, "object": object})));
    }

    pub(crate) fn text(&self, text: &str) {
        let _ = self.0.send(Ok(Bytes::copy_from_slice(text.as_bytes())));
    }

    pub(crate) fn break_off(&self) {
        let _ = self.0.send(Err("connection reset by peer".into()));
    }

    /// The bookmark that ends the initial state.
    pub(crate) fn end_of_state(&self, version: u64) {
        let annotations = json!({"k8s.io/initial-events-end": "true"});
        let metadata = json!({"resourceVersion": version.to_string(), "annotations": annotations});
        self.event("BOOKMARK", &json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}));
    }

    /// Whether the client still reads.
    pub(crate) fn is_read(&self) -> bool {
        !self.0.is_closed()
    }
}

pub(crate) fn stream() -> (Feed, Step) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Feed(sender), Step::Stream(receiver))
}

pub(crate) fn answer(code: u16, body: &Value) -> Step {
    Step::Answer(code, Vec::new(), body.to_string())
}

/// An answer of the server's own error form.
pub(crate) fn status(code: u16, reason: &str) -> Step {
    answer(code, &status_object(code, reason))
}

pub(crate) fn status_object(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "m"})
}

/// A config map whose uid follows from its name.
pub(crate) fn object(name: &str, version: u64) -> Value {
    json!({"metadata": {
        "name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": version.to_string()
    }, "data": {"version": version.to_string()}})
}

pub(crate) fn list(version: u64, token: &str, items: &[Value]) -> Step {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": token});
    answer(200, &json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}))
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) accept: String,
    pub(crate) query: BTreeMap<String, String>,
}

impl Seen {
    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains_key("watch")
    }

    /// Whether this is a watch that begins with the state.
    pub(crate) fn is_stream(&self) -> bool {
        self.query.contains_key("sendInitialEvents")
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// A server that answers request after request as told. Without instructions it does not answer.
///
/// Unless it is told to, it knows no streaming lists: it refuses them as old servers do, and does not count them.
#[derive(Clone, Default)]
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    streams: bool,
    pub(crate) metrics: Metrics,
}

impl Script {
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.steps.lock().extend(steps);
        script
    }

    /// The same server, with streaming lists.
    pub(crate) fn with_streams(self) -> Self {
        Self { streams: true, ..self }
    }

    pub(crate) fn then(&self, step: Step) {
        self.steps.lock().push_back(step);
    }

    /// Forgets what it was to do next.
    pub(crate) fn drain(&self) {
        self.steps.lock().clear();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// `L` for a list, `W` for a watch, `S` for a watch that begins with the state, else the method, in order.
    pub(crate) fn trace(&self) -> String {
        let kind = |seen: &Seen| match &*seen.method {
            "GET" if seen.is_stream() => "S".to_owned(),
            "GET" if seen.is_watch() => "W".to_owned(),
            "GET" => "L".to_owned(),
            method => format!(" {method} "),
        };
        self.seen.lock().iter().map(kind).collect()
    }

    pub(crate) fn environment() -> Environment {
        Environment::simulated(7, Timestamp::UNIX_EPOCH)
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(ClientOptions::unlimited())
    }

    pub(crate) fn client_with(&self, options: ClientOptions) -> Client {
        let script = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| script.clone().serve(request));
        let inner = kube::Client::new(service, "default");
        Client::new(inner, options, &Self::environment(), &self.metrics)
    }

    pub(crate) async fn serve(
        self,
        request: Request<Body>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
        let uri = request.uri();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        };
        let seen = Seen {
            at: Instant::now(),
            method: request.method().to_string(),
            path: uri.path().to_owned(),
            accept: request
                .headers()
                .get(http::header::ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            query: uri.query().into_iter().flat_map(|query| query.split('&')).map(pair).collect(),
        };
        if seen.is_stream() && !self.streams {
            let refusal = status_object(422, "Invalid").to_string();
            return Ok(Response::builder().status(422).body(whole(refusal))?);
        }
        self.seen.lock().push(seen);
        let step = self.steps.lock().pop_front();
        match step.unwrap_or(Step::Hang) {
            Step::Panic => panic!("scripted"),
            Step::Hang => std::future::pending().await,
            Step::Refuse => Err("connection refused".into()),
            Step::Answer(code, headers, body) => {
                let mut response = Response::builder().status(code);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(whole(body))?)
            }
            Step::Binary(media_type, body) => {
                let body = Full::from(body).map_err(|never| match never {}).boxed_unsync();
                Ok(Response::builder().header("content-type", media_type).body(body)?)
            }
            Step::Stall(code) => {
                let body = StreamBody::new(futures::stream::pending()).boxed_unsync();
                Ok(Response::builder().status(code).body(body)?)
            }
            Step::Stream(receiver) => {
                let frames = futures::stream::unfold(receiver, |mut receiver| async {
                    let piece = receiver.recv().await?;
                    Some((piece.map(http_body::Frame::data), receiver))
                });
                Ok(Response::new(StreamBody::new(frames).boxed_unsync()))
            }
        }
    }
}

fn whole(body: String) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::from(body).map_err(|never| match never {}).boxed_unsync()
}

/// The value of the one series of this name that has these labels; `None` when there is none.
pub(crate) fn shown(metrics: &Metrics, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let text = metrics.encode();
    let wanted = |line: &&str| {
        let series = line.split_once('{').filter(|(found, _)| *found == name);
        let has = |labels_text: &str, (label, value): &(&str, &str)| {
            labels_text.contains(&format!("{label}=\"{value}\""))
        };
        series.is_some_and(|(_, rest)| labels.iter().all(|label| has(rest, label)))
    };
    let found: Vec<&str> = text.lines().filter(wanted).collect();
    assert!(found.len() <= 1, "{found:?} are {name} {labels:?}");
    let value = found.first()?.rsplit_once(' ')?.1;
    Some(value.parse().expect("a number"))
}

/// A count as metrics show it.
pub(crate) fn float(count: usize) -> f64 {
    u32::try_from(count).expect("a small count").into()
}

/// Runs what may wait for itself for ever, on a thread of its own; whether it came to an end.
pub(crate) fn ends(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, end) = std::sync::mpsc::channel();
    #[expect(clippy::disallowed_methods, reason = "a deadlock is to fail the test, not to hang it")]
    std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    end.recv_timeout(std::time::Duration::from_secs(20)).is_ok()
}

/// What is logged on this thread while it listens, one line an event.
#[derive(Clone, Default)]
pub(crate) struct Logged(Arc<Mutex<Vec<String>>>);

impl Logged {
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(self.clone())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut line = Line::default();
        attributes.record(&mut line);
        self.0.lock().push(line.0);
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Fields as `name=value`.
#[derive(Default)]
struct Line(String);

impl tracing::field::Visit for Line {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

/// A certificate for metrics.example that vouches for itself, and its key, both in PEM.
pub(crate) fn certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["metrics.example".to_owned()]).unwrap();
    (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
}
