//! The manager.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pilothouse_machinery::Environment;

use super::additions::{Additions, ManagerHandle};
use super::certificate::CertificateFiles;
use super::configuration::{Configuration, ConfigurationError, EffectiveSettings, ManagerSettings};
use super::serving::Serving;
use super::{MetricsAccess, Runnable};
use crate::controller::{ControllerBuilder, Reconciler};
use crate::leader::Election;
use crate::{Client, ClientOptions, DeadLetters, Informers, Ledger, MemoryLedger, Metrics};

/// Runs controllers and whatever belongs to them as one process.
///
/// **Flow.** Start: the endpoints, then support runnables, then controllers, which fill their caches; caches
/// fill as they are asked for, and each controller waits for its own. With an election, controllers start to reconcile
/// and other leader work starts when this process leads. Stop: leader work first, while its
/// caches are still fed, then support, then the caches; then the lease is given up, and the endpoints end.
///
/// **Guarantees.** The first failure of any runnable, or of a cache, stops all others and is returned with its
/// name (M2).
/// After [`run_until`](Self::run_until) returns, nothing that the manager started is left running (M8).
/// A process that does not lead runs no leader work, also not while it
/// stops (M5). One that loses its lease cuts leader work off without grace, and fails (M7): start it anew.
///
/// **Cancellation.** Dropping the future of a run ends everything at once, without grace.
///
/// A manager runs once, and so does a controller in one: a second start does not compile (conformance C9):
///
/// ```compile_fail,E0382
/// # use pilothouse::{Error, Manager};
/// # async fn twice(manager: Manager) -> Result<(), Error> {
/// manager.run().await?;
/// manager.run().await
/// # }
/// ```
#[must_use]
pub struct Manager {
    pub(super) name: String,
    pub(super) client: Option<Client>,
    pub(super) environment: Option<Environment>,
    pub(super) metrics: Metrics,
    pub(super) serving: Serving,
    pub(super) grace_period: Duration,
    pub(super) runnables: Vec<Box<dyn Runnable>>,
    pub(super) informers: Option<Informers>,
    pub(super) election: Option<Election>,
    pub(super) additions: Additions,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) dead_letters: Option<DeadLetters>,
    pub(super) client_options: ClientOptions,
    pub(super) configuration: Configuration,
}

impl Manager {
    /// An empty manager. The name appears in logs, events and field managers: name it after the program.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            client: None,
            environment: None,
            metrics: Metrics::new(),
            serving: Serving::default(),
            grace_period: Duration::from_secs(30),
            runnables: Vec::new(),
            informers: None,
            election: None,
            additions: Additions::new(),
            ledger: Arc::new(MemoryLedger::new()),
            dead_letters: None,
            client_options: ClientOptions::default(),
            configuration: Configuration::new(),
        }
    }

    /// The way to the API server. Without it, [`run`](Self::run) looks for a kubeconfig or the service
    /// account of the pod.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// How the client behaves that the manager makes for itself where none is given. The field manager is the manager's
    /// name, whatever is said here.
    pub fn client_options(mut self, options: ClientOptions) -> Self {
        self.client_options = options;
        self
    }

    /// Settings from outside of the code; they win over what was given, or is given later, to this builder.
    /// `docs/configuration.md` lists them. A run fails with [`Error::Configuration`](crate::Error::Configuration) when
    /// something of it means nothing. Controllers that are added while the manager runs are as their code says.
    pub fn configuration(mut self, configuration: Configuration) -> Self {
        self.configuration = configuration;
        self
    }

    /// Every setting as a run would use it, with where its value comes from: for a `--print-config`. Ask when
    /// everything has been given.
    ///
    /// **Errors.** As a run's.
    pub fn settings(&self) -> Result<EffectiveSettings, ConfigurationError> {
        let mut controllers: Vec<_> =
            self.runnables.iter().filter_map(|one| Some((one.name().to_owned(), one.settings()?))).collect();
        self.configuration.resolve(&mut ManagerSettings::of(self), &mut controllers)
    }

    /// Puts what is configured in place of what the code has.
    pub(super) fn settle(&mut self) -> Result<(), ConfigurationError> {
        let mut settings = ManagerSettings::of(self);
        let mut controllers: Vec<_> =
            self.runnables.iter().filter_map(|one| Some((one.name().to_owned(), one.settings()?))).collect();
        self.configuration.resolve(&mut settings, &mut controllers)?;
        settings.apply(self);
        let configurable = self.runnables.iter_mut().filter(|one| one.settings().is_some());
        for (runnable, (_, settings)) in configurable.zip(controllers) {
            runnable.configure(settings);
        }
        Ok(())
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

    /// Serves `/metrics`, `/deadletters` and the probes `/livez` (also `/healthz`) and `/readyz` over HTTP on this
    /// address. Port 0 picks a free one; see [`on_listening`](Self::on_listening).
    ///
    /// An address that other machines reach takes a decision about who may read:
    /// [`metrics_access`](Self::metrics_access). Without one, [`run`](Self::run) fails with
    /// [`Error::Unprotected`](crate::Error::Unprotected).
    pub fn serve_metrics(mut self, address: impl Into<SocketAddr>) -> Self {
        self.serving.address = Some(address.into());
        self
    }

    /// Serves the probes alone on this address too, for kubelet: they need no token and no certificate.
    pub fn serve_probes(mut self, address: impl Into<SocketAddr>) -> Self {
        self.serving.probes = Some(address.into());
        self
    }

    /// Who may read metrics and dead letters, and change the latter. Default: this machine only.
    pub fn metrics_access(mut self, access: MetricsAccess) -> Self {
        self.serving.access = access;
        self
    }

    /// Serves [metrics](Self::serve_metrics) over HTTPS with the certificate and the key in these files (PEM). They are
    /// looked at every ten seconds while connections are made; what is new there is used without a restart.
    pub fn metrics_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (certificate, key) = (certificate.into(), key.into());
        self.serving.certificate = Some(CertificateFiles { certificate, key });
        self
    }

    /// Called once with the address that metrics and health are served on.
    pub fn on_listening(mut self, report: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.serving.on_listening = Some(Box::new(report));
        self
    }

    /// How long everything together may take to end after the word to stop. Default 30 seconds; zero cuts off
    /// at once, [`Duration::MAX`] waits for ever.
    pub fn grace_period(mut self, grace_period: Duration) -> Self {
        self.grace_period = grace_period;
        self
    }

    /// Leads only as one of several: with an election over the Lease of the manager's name, in the client's default
    /// namespace. See [`election`](Self::election) for other choices.
    pub fn leader_election(self) -> Self {
        let election = Election::new(&*self.name);
        self.election(election)
    }

    /// Leads only as one of several, by this election.
    pub fn election(mut self, election: Election) -> Self {
        self.election = Some(election);
        self
    }

    /// Where failures and dead letters are kept. Default: in memory, gone with the process. Give it before asking for
    /// [`dead_letters`](Self::dead_letters), if at all.
    pub fn ledger(mut self, ledger: impl Ledger) -> Self {
        self.ledger = Arc::new(ledger);
        self
    }

    /// What the controllers of this manager have given up on, for code outside of it.
    pub fn dead_letters(&mut self) -> DeadLetters {
        self.dead_letters.get_or_insert_with(|| DeadLetters::new(Arc::clone(&self.ledger))).clone()
    }

    /// Takes replays and drops of dead letters over HTTP from other machines too. Without it, from this machine only
    /// (so also through `kubectl port-forward`). Nobody is asked for a password: whoever reaches the address may.
    /// With [`MetricsAccess::Delegated`] it changes nothing: there, who has the right may.
    pub fn remote_dead_letter_changes(mut self) -> Self {
        self.serving.remote_dead_letter_changes = true;
        self
    }

    /// A handle to add more while the manager runs.
    pub fn handle(&self) -> ManagerHandle {
        self.additions.handle()
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
