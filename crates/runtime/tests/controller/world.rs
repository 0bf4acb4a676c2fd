//! A server, a client and a scripted reconciler.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::{
    Action, Client, ClientOptions, Context, Environment, Error, Manager, Metrics, ObjectExt, ObjectKey,
    ReconcileError, Reconciler,
};
use pilothouse_apiserver::ApiServer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::faults::{Delay, Faults, Gate};

/// Everything a test needs.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) client: Client,
    pub(crate) environment: Environment,
    pub(crate) metrics: Metrics,
    pub(crate) watch_delay: Delay,
    /// Holds back the requests that it says yes to, by method and address.
    pub(crate) gate: Gate,
    /// Loses the answers to the requests that it says yes to.
    pub(crate) losing: Gate,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) start: Instant,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(false, ClientOptions::unlimited())
    }

    /// A client that waits a second for an answer.
    pub(crate) fn impatient() -> Self {
        let request_timeout = Duration::from_secs(1);
        Self::with(false, ClientOptions { request_timeout, ..ClientOptions::unlimited() })
    }

    /// A server whose resource versions are no numbers.
    pub(crate) fn opaque() -> Self {
        Self::with(true, ClientOptions::unlimited())
    }

    fn with(is_opaque: bool, options: ClientOptions) -> Self {
        let environment = Environment::simulated(11, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let metrics = Metrics::new();
        let faults = Faults { is_opaque, ..Faults::of(server.clone()) };
        let (watch_delay, gate) = (Arc::clone(&faults.delay), Arc::clone(&faults.gate));
        let losing = Arc::clone(&faults.losing);
        let requests = Arc::clone(&faults.requests);
        let client = Client::new(kube::Client::new(faults, "default"), options, &environment, &metrics);
        let start = Instant::now();
        Self { server, client, environment, metrics, watch_delay, gate, losing, requests, start }
    }

    /// Holds back the requests that `is_held` says yes to; `None` lets them go.
    pub(crate) fn hold(&self, is_held: Option<fn(&str, &str) -> bool>) {
        *self.gate.lock() = is_held;
    }

    /// Loses the answers to the requests that `is_lost` says yes to; `None` loses no more.
    pub(crate) fn lose(&self, is_lost: Option<fn(&str, &str) -> bool>) {
        *self.losing.lock() = is_lost;
    }

    pub(crate) fn manager(&self) -> Manager {
        Manager::new("test")
            .client(self.client.clone())
            .environment(self.environment.clone())
            .metrics(self.metrics.clone())
    }

    /// Runs a manager until it is stopped.
    pub(crate) fn run(&self, manager: Manager) -> Run {
        let (stop, stopped) = oneshot::channel::<()>();
        let run = manager.run_until(async move { drop(stopped.await) });
        Run { stop, handle: self.environment.spawn("manager", run) }
    }

    pub(crate) async fn create(&self, name: &str, value: &str) -> ConfigMap {
        self.client.create(&config_map(name, value)).await.expect("created")
    }

    pub(crate) async fn set(&self, name: &str, value: &str) {
        let patch = pilothouse::Patch::Merge(serde_json::json!({"data": {"value": value}}));
        self.client.patch::<ConfigMap>(&key(name), &patch).await.expect("patched");
    }

    /// The value of the metric that this line starts with; 0 when there is none.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.metrics.encode();
        let value = text.lines().find_map(|candidate| candidate.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// As [`metric`](Self::metric), for a whole number.
    pub(crate) fn count(&self, line: &str) -> u64 {
        let value = self.metric(line);
        format!("{value:.0}").parse().unwrap_or_default()
    }

    pub(crate) fn elapsed_ms(&self) -> u128 {
        self.start.elapsed().as_millis()
    }
}

/// A manager that runs.
pub(crate) struct Run {
    stop: oneshot::Sender<()>,
    pub(crate) handle: JoinHandle<Result<(), Error>>,
}

impl Run {
    pub(crate) async fn stop(self) -> Result<(), Error> {
        drop(self.stop);
        self.handle.await.expect("the manager does not panic")
    }
}

pub(crate) fn config_map(name: &str, value: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.into());
    map.metadata.namespace = Some("default".into());
    map.data = Some(BTreeMap::from([("value".into(), value.into())]));
    map
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

pub(crate) fn value(map: &ConfigMap) -> &str {
    map.data.as_ref().and_then(|data| data.get("value")).map_or("", String::as_str)
}

/// One call of a scripted reconciler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) at_ms: u128,
    pub(crate) name: String,
    /// The value seen; `None` for a deletion.
    pub(crate) value: Option<String>,
}

type Step = Box<
    dyn for<'a> Fn(
            &'a ConfigMap,
            usize,
            &'a Context<ConfigMap>,
        ) -> BoxFuture<'a, Result<Action, ReconcileError>>
        + Send
        + Sync,
>;

/// Notes its calls, and does what a script says for the n-th call (from 0) of each key.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    start: Instant,
    step: Arc<Step>,
}

impl Scripted {
    pub(crate) fn new<F>(world: &World, step: F) -> Self
    where
        F: for<'a> Fn(
                &'a ConfigMap,
                usize,
                &'a Context<ConfigMap>,
            ) -> BoxFuture<'a, Result<Action, ReconcileError>>
            + Send
            + Sync
            + 'static,
    {
        Self { calls: Arc::default(), start: world.start, step: Arc::new(Box::new(step)) }
    }

    /// Succeeds always.
    pub(crate) fn idle(world: &World) -> Self {
        Self::new(world, |_, _, _| Box::pin(async { Ok(Action::done()) }))
    }

    fn note(&self, name: &str, value: Option<String>) -> usize {
        let mut calls = self.calls.lock();
        let before = calls.iter().filter(|call| call.name == name).count();
        calls.push(Call { at_ms: self.start.elapsed().as_millis(), name: name.into(), value });
        before
    }

    /// When the key was called.
    pub(crate) fn times(&self, name: &str) -> Vec<u128> {
        self.calls.lock().iter().filter(|call| call.name == name).map(|call| call.at_ms).collect()
    }

    /// What the key was called with.
    pub(crate) fn values(&self, name: &str) -> Vec<Option<String>> {
        let calls = self.calls.lock();
        calls.iter().filter(|call| call.name == name).map(|call| call.value.clone()).collect()
    }

    /// The names in the order of the calls.
    pub(crate) fn names(&self) -> Vec<String> {
        self.calls.lock().iter().map(|call| call.name.clone()).collect()
    }
}

impl Reconciler for Scripted {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        object: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        let count = self.note(&object.key().name, Some(value(&object).to_owned()));
        (self.step)(&object, count, context).await
    }

    async fn deleted(
        &self,
        key: &ObjectKey,
        _context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        self.note(&key.name, None);
        Ok(Action::done())
    }
}
