//! A server and candidates, each with its own way to it.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use parking_lot::Mutex;
use pilothouse::leader::{Election, Elector, End, Leadership};
use pilothouse::{Client, ClientOptions, Environment, Metrics, ObjectKey, Shutdown};
use pilothouse_apiserver::ApiServer;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};

use crate::network::Network;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) environment: Environment,
    /// A client whose network never fails.
    pub(crate) client: Client,
}

/// One candidate. Dropping it kills it.
pub(crate) struct Candidate {
    pub(crate) leadership: Leadership,
    pub(crate) network: Network,
    pub(crate) client: Client,
    pub(crate) metrics: Metrics,
    pub(crate) freezer: Freezer,
    stop: Shutdown,
    handle: JoinHandle<End>,
}

pub(crate) fn key() -> ObjectKey {
    ObjectKey::new("default", "test")
}

impl World {
    pub(crate) fn new() -> Self {
        let environment = Environment::simulated(5, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        let client = client(&Network::new(&server), &environment, &Metrics::new());
        Self { server, environment, client }
    }

    pub(crate) fn candidate(&self, identity: &str) -> Candidate {
        self.stand(Election::new("test").identity(identity), Network::new(&self.server))
    }

    pub(crate) fn stand(&self, election: Election, network: Network) -> Candidate {
        self.stand_in(election, network, &self.environment)
    }

    /// Stands with an environment of its own: another wall clock.
    pub(crate) fn stand_in(
        &self,
        election: Election,
        network: Network,
        environment: &Environment,
    ) -> Candidate {
        let metrics = Metrics::new();
        let client = client(&network, environment, &metrics);
        let elector = Elector::new(election, &client, environment, &metrics).expect("a valid election");
        let (leadership, stop, freezer) = (elector.leadership(), Shutdown::new(), Freezer::default());
        let handle = self.environment.spawn("candidate", freezer.hold(elector.run(stop.clone())));
        Candidate { leadership, network, client, metrics, freezer, stop, handle }
    }

    pub(crate) async fn lease(&self) -> Lease {
        self.client.get(&key()).await.expect("a lease")
    }

    pub(crate) async fn holder(&self) -> String {
        self.lease().await.spec.expect("a spec").holder_identity.unwrap_or_default()
    }

    pub(crate) async fn change(&self, change: impl FnOnce(&mut Lease)) {
        let mut lease = self.lease().await;
        change(&mut lease);
        self.client.update(&lease).await.expect("updated");
    }
}

pub(crate) fn client(network: &Network, environment: &Environment, metrics: &Metrics) -> Client {
    Client::new(
        kube::Client::new(network.clone(), "default"),
        ClientOptions::unlimited(),
        environment,
        metrics,
    )
}

impl Candidate {
    pub(crate) async fn stop(self) -> End {
        self.stop.request();
        self.handle.await.expect("no panic")
    }

    pub(crate) fn ask_to_stop(&self) {
        self.stop.request();
    }

    /// As kill -9 does: nothing is given up.
    pub(crate) async fn kill(self) {
        self.handle.abort();
        let _ = self.handle.await;
    }

    pub(crate) fn leads(&self) -> bool {
        self.leadership.is_leader()
    }

    /// Waits until it leads; the time that took.
    pub(crate) async fn wait_to_lead(&self, limit: Duration) -> Duration {
        let start = Instant::now();
        let leads = tokio::time::timeout(limit, self.leadership.acquired()).await;
        assert!(leads.expect("elected in time"), "the candidacy ended");
        start.elapsed()
    }

    pub(crate) fn metric(&self, line: &str) -> String {
        let text = self.metrics.encode();
        let value = text.lines().find_map(|candidate| candidate.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or_default().to_owned()
    }
}

/// Stops tasks as SIGSTOP stops a process: time goes on, and they do not.
#[derive(Clone, Default)]
pub(crate) struct Freezer(Arc<Mutex<Option<Instant>>>);

impl Freezer {
    pub(crate) fn freeze_for(&self, time: Duration) {
        *self.0.lock() = Some(Instant::now() + time);
    }

    pub(crate) fn hold<F: Future + Send + 'static>(&self, inner: F) -> Frozen<F> {
        Frozen { inner: Box::pin(inner), freezer: self.clone(), thaw: Box::pin(sleep(Duration::ZERO)) }
    }
}

pub(crate) struct Frozen<F> {
    inner: Pin<Box<F>>,
    freezer: Freezer,
    thaw: Pin<Box<Sleep>>,
}

impl<F: Future> Future for Frozen<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let until = *self.freezer.0.lock();
        if let Some(until) = until.filter(|until| Instant::now() < *until) {
            self.thaw.as_mut().reset(until);
            if self.thaw.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(context)
    }
}
