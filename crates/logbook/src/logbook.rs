//! The logbook as one piece: database, recorder, dispatcher, portal.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;

use axum::Router;
use pilothouse::journal::{Journal, JournalOptions};
use pilothouse::manager::{Group, Manager, RunContext, Task};
use pilothouse::{Client, Metrics, ResourceType};
use pilothouse_machinery::Environment;

use crate::metrics::LogbookMetrics;
use crate::notify::{Destination, DestinationError, Dispatcher, HttpSender, RetrySchedule};
use crate::options::LogbookOptions;
use crate::portal::{PortalOptions, PortalState, router};
use crate::recorder::{Recorder, RecorderSink};
use crate::store::{Store, StoreError};

const JOBS: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");
const PODS: ResourceType = ResourceType::namespaced("", "v1", "pods", "Pod");

/// Why a logbook could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogbookError {
    /// The database refused.
    #[error("cannot use the logbook's database")]
    Store(#[from] StoreError),
    /// A destination cannot be notified.
    #[error("cannot use a destination of notifications")]
    Destination(#[from] DestinationError),
}

impl LogbookError {
    /// A stable CamelCase word for logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Destination(_) => "InvalidDestination",
        }
    }
}

/// The job logbook of one cluster.
///
/// **Flow.** [`add_to`](Self::add_to) gives a manager three runnables: the journal of jobs, the journal of pods, and
/// the dispatcher of notifications if there is somebody to notify. [`router`](Self::router) is the portal.
///
/// **Assumptions.** One logbook uses a database at a time; opening a second one fails.
pub struct Logbook {
    recorder: Recorder,
    client: Client,
    environment: Environment,
    destinations: Vec<Destination>,
    retry: RetrySchedule,
    portal: PortalOptions,
    is_read_only: bool,
}

impl Logbook {
    /// Opens the database and makes cluster and destinations known to it.
    ///
    /// Fails if the database cannot be used or an address is none. Cancelling is safe.
    pub async fn open(
        options: LogbookOptions,
        client: Client,
        environment: Environment,
    ) -> Result<Self, LogbookError> {
        let destinations = options.destinations.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(again) = destinations.iter().find(|destination| !names.insert(destination.name())) {
            return Err(DestinationError::SameName(again.name().to_owned()).into());
        }
        let store = Store::open(&options.location).await?;
        let metrics = LogbookMetrics::new(&Metrics::new());
        let recorder =
            Recorder::open(store, options.cluster, &destinations, environment.clone(), metrics).await?;
        let portal = PortalOptions {
            cluster: recorder.cluster_name().to_owned(),
            allowed_hosts: options.allowed_hosts,
        };
        let (retry, is_read_only) = (options.retry, options.is_read_only);
        Ok(Self { recorder, client, environment, destinations, retry, portal, is_read_only })
    }

    /// Adds the journals and the dispatcher to a manager. They stop after the controllers, so that what these do
    /// last is still recorded.
    pub fn add_to(&self, manager: Manager) -> Manager {
        let manager = manager.add(self.journal("logbook-jobs", JOBS)).add(self.journal("logbook-pods", PODS));
        if self.destinations.is_empty() { manager } else { manager.add(self.dispatcher()) }
    }

    fn journal(&self, name: &str, resource: ResourceType) -> Task {
        let (recorder, client) = (self.recorder.clone(), self.client.clone());
        let environment = self.environment.clone();
        let run = async move |context: RunContext| {
            let sink = RecorderSink::new(recorder.counting(LogbookMetrics::new(&context.metrics)));
            let journal = Journal::new(client, environment, resource, sink, JournalOptions::default());
            journal.with_metrics(&context.metrics).run(context.shutdown.requested()).await
        };
        Task::new(name, run).in_group(Group::Support)
    }

    fn dispatcher(&self) -> Task {
        let (recorder, destinations, retry) = (self.recorder.clone(), self.destinations.clone(), self.retry);
        let sender = HttpSender::new(self.environment.clone());
        let run = async move |context: RunContext| {
            let recorder = recorder.counting(LogbookMetrics::new(&context.metrics));
            Dispatcher::new(&recorder, destinations, sender, retry).run(context.shutdown).await;
            Ok::<(), Infallible>(())
        };
        Task::new("logbook-notifications", run).in_group(Group::Support)
    }

    /// The portal: pages, live updates, and the JSON API under `/api/v1`.
    pub fn router(&self) -> Router {
        let client = (!self.is_read_only).then(|| self.client.clone());
        let store = self.recorder.store().clone();
        router(PortalState::new(store, client, self.environment.clone(), self.portal.clone()))
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.recorder.store()
    }

    /// The recorder, for journals run otherwise than by [`add_to`](Self::add_to).
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}

impl fmt::Debug for Logbook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Logbook")
            .field("portal", &self.portal)
            .field("destinations", &self.destinations)
            .finish_non_exhaustive()
    }
}
