//! The manager.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use pilothouse_machinery::Environment;

use super::endpoints::{Endpoints, Server};
use super::lifecycle::Lifecycle;
use super::{Readiness, RunContext, Runnable, Shutdown};
use crate::controller::{ControllerBuilder, Reconciler};
use crate::{Client, ClientOptions, Error, Informers, Metrics};

/// Runs controllers and whatever belongs to them as one process.
///
/// **Flow.** Start: the endpoints, then support runnables, then controllers and other leader work; caches
/// fill as they are asked for, and each controller waits for its own. Stop: leader work first, while its
/// caches are still fed, then support, then the caches, then the endpoints.
///
/// **Guarantees.** The first failure of any runnable, or of a cache, stops all others and is returned with its
/// name (M2).
/// After [`run_until`](Self::run_until) returns, nothing that the manager started is left running (M8). A
/// manager runs once: running consumes it (C9).
///
/// **Cancellation.** Dropping the future of a run ends everything at once, without grace.
#[must_use]
pub struct Manager {
    name: String,
    client: Option<Client>,
    environment: Option<Environment>,
    metrics: Metrics,
    address: Option<SocketAddr>,
    on_listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
    grace_period: Duration,
    runnables: Vec<Box<dyn Runnable>>,
    informers: Option<Informers>,
}

/// How long informers may take to notice that they are to stop.
const INFORMERS_STOP: Duration = Duration::from_secs(1);

impl Manager {
    /// An empty manager. The name appears in logs, events and field managers: name it after the program.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            client: None,
            environment: None,
            metrics: Metrics::new(),
            address: None,
            on_listening: None,
            grace_period: Duration::from_secs(30),
            runnables: Vec::new(),
            informers: None,
        }
    }

    /// The way to the API server. Without it, [`run`](Self::run) looks for a kubeconfig or the service
    /// account of the pod.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// The client that was given, if one was.
    pub fn given_client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// The caches that everything in this manager will share, for code outside of it: `None` as long as no
    /// client was given. Give environment and metrics before, if at all. They stop with the manager.
    pub fn informers(&mut self) -> Option<Informers> {
        let client = self.client.as_ref()?;
        let environment = self.environment.clone().unwrap_or_else(|| client.environment().clone());
        let informers = || Informers::new(client.clone(), environment, self.metrics.clone());
        Some(self.informers.get_or_insert_with(informers).clone())
    }

    /// Time, randomness and tasks. Without it: those of the client, or of the machine.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The metrics to count in and to serve; give the same to the client.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` over HTTP on this address. Port 0 picks a free one; see
    /// [`on_listening`](Self::on_listening).
    pub fn serve_metrics(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Called once with the address that metrics and health are served on.
    pub fn on_listening(mut self, report: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.on_listening = Some(Box::new(report));
        self
    }

    /// How long everything together may take to end after the word to stop. Default 30 seconds; zero cuts off
    /// at once, [`Duration::MAX`] waits for ever.
    pub fn grace_period(mut self, grace_period: Duration) -> Self {
        self.grace_period = grace_period;
        self
    }

    /// Adds a controller.
    pub fn controller<R: Reconciler>(self, builder: ControllerBuilder<R::Object>, reconciler: R) -> Self {
        self.add(builder.reconciler(reconciler))
    }

    /// Adds anything else with a life.
    #[expect(clippy::should_implement_trait, reason = "a builder adds to what it has; nobody sums managers")]
    pub fn add(mut self, runnable: impl Runnable) -> Self {
        self.runnables.push(Box::new(runnable));
        self
    }

    /// Runs until SIGTERM or SIGINT (Ctrl-C), or until something fails.
    pub async fn run(self) -> Result<(), Error> {
        let stop = stop_signal().map_err(|source| Error::Signals { source })?;
        self.run_until(stop).await
    }

    /// Runs until `stop` completes, or until something fails; stops in order and returns what went wrong.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let Self { name, client, environment, metrics, address, on_listening, grace_period, .. } = self;
        let (runnables, informers) = (self.runnables, self.informers);
        let mut names = BTreeSet::new();
        if let Some(twice) = runnables.iter().find(|one| !names.insert(one.name())) {
            return Err(Error::DuplicateName { name: twice.name().to_owned() });
        }
        let context = context(name.clone(), client, environment, metrics, informers).await?;
        let server = match address {
            Some(address) => Some(serve(&context, address, on_listening).await?),
            None => None,
        };
        let mut lifecycle = Lifecycle::new();
        lifecycle.start(runnables, &context);
        tracing::info!(manager = name, "manager runs");
        let mut stop = pin!(stop);
        // A cache that failed is named before what ended because of it.
        let mut errors = Vec::new();
        tokio::select! {
            biased;
            () = &mut stop => {}
            source = context.informers.failed() => errors.push(Error::CacheFailed { source }),
            () = lifecycle.failed() => {}
        }
        tracing::info!(manager = name, "manager stops");
        context.readiness.not_ready("manager", "it is stopping");
        errors.extend(lifecycle.stop(grace_period).await);
        context.informers.shut_down();
        // They stop at their next await; one that never comes to it cannot be waited for.
        let _ = tokio::time::timeout(INFORMERS_STOP, context.informers.wait_stopped()).await;
        drop(server);
        Error::all(errors).map_or(Ok(()), Err)
    }
}

/// Everything that runnables are given.
async fn context(
    manager: String,
    client: Option<Client>,
    environment: Option<Environment>,
    metrics: Metrics,
    informers: Option<Informers>,
) -> Result<RunContext, Error> {
    let given = client.as_ref().map(|client| client.environment().clone());
    let environment = environment.or(given).unwrap_or_else(Environment::real);
    let client = match client {
        Some(client) => client,
        None => {
            connect(&manager, &environment, &metrics).await.map_err(|source| Error::Connect { source })?
        }
    };
    Ok(RunContext {
        manager,
        informers: informers
            .unwrap_or_else(|| Informers::new(client.clone(), environment.clone(), metrics.clone())),
        client,
        environment,
        metrics,
        readiness: Readiness::default(),
        shutdown: Shutdown::new(),
    })
}

/// Connects as the kubeconfig or the service account of the pod says.
async fn connect(
    manager: &str,
    environment: &Environment,
    metrics: &Metrics,
) -> Result<Client, super::BoxError> {
    let config = kube::Config::infer().await?;
    let options = ClientOptions { field_manager: manager.to_owned(), ..ClientOptions::default() };
    Ok(Client::from_config(config, options, environment, metrics)?)
}

async fn serve(
    context: &RunContext,
    address: SocketAddr,
    on_listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
) -> Result<Server, Error> {
    let endpoints = Endpoints {
        metrics: context.metrics.clone(),
        readiness: context.readiness.clone(),
        informers: context.informers.clone(),
    };
    let server = endpoints.serve(address, &context.environment).await?;
    tracing::info!(address = %server.address, "serving metrics and health");
    if let Some(report) = on_listening {
        report(server.address);
    }
    Ok(server)
}

/// Completes on the first signal that asks the process to stop.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl fmt::Debug for Manager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runnables: Vec<&str> = self.runnables.iter().map(|runnable| runnable.name()).collect();
        formatter
            .debug_struct("Manager")
            .field("name", &self.name)
            .field("runnables", &runnables)
            .finish_non_exhaustive()
    }
}
