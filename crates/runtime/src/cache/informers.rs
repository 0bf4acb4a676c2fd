//! The informers of a process, shared.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceType};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::informer::{Failures, InformerSetup};
use super::reflector::{Reflector, ReflectorMetrics, ReflectorOptions};
use super::registry::Registry;
use super::{
    Informer, InformerError, InformerFailure, InformerOptions, Intake, Lister, NotSynced, Projection,
};
use crate::client::Client;
use crate::metrics::Metrics;
use crate::object::Object;

/// One informer per type, selection and projection, started when first asked for and shared by all who ask.
///
/// Cheap to clone; clones are one registry.
///
/// **Flow.** [`informer`](Self::informer) and its like give the informer that runs, or start one. An informer runs as
/// long as somebody uses it: a clone of it, a [`Lister`] or a subscription. When the last user leaves it stops, and the
/// next request starts a fresh one, with an empty store. Snapshots and stores are no users. Hold on to what you go on
/// reading: a lister that is dropped after each read lists everything anew each time. [`keep`](Self::keep) makes the
/// registry itself a user; controllers use what they declare and what they have read for as long as they run.
///
/// **Guarantees.**
///
/// - **C-I14** nobody lists and watches what is in a cache already: objects are read typed, as JSON and by their
///   metadata from the same informer, and one that caches them whole also serves those who ask for a part of them. Only
///   when the part was asked for first, and the whole later, there are two;
/// - **C-I20** each informer has a task and a backoff of its own: one that is refused or gets no answer delays no
///   other;
/// - **K4** what a request leaves open is as configured for the type, and else as the defaults say.
///
/// **Assumptions.** The client's limit on the rate of requests, which its informers share, leaves room for their lists.
///
/// **Cancellation.** All informers stop on [`shut_down`](Self::shut_down), and when the last clone of the registry and
/// the last user of each are gone. Dropping the future of a wait stops the wait.
///
/// **Errors.** [`InformerError`] where options conflict; [`NotSynced`] from a wait with a limit.
///
/// **Panics.** Never. A panic in the task of one informer stops that one: see [`Informer::failure`].
#[derive(Clone, Debug)]
pub struct Informers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    environment: Environment,
    metrics: Metrics,
    registry: Mutex<Registry>,
    token: CancellationToken,
    failures: Failures,
    tasks: TaskTracker,
}

impl Shared {
    fn start(&self, resource: &ResourceType, options: InformerOptions) -> Informer {
        let token = self.token.child_token();
        let setup = InformerSetup {
            resource: resource.clone(),
            options,
            environment: self.environment.clone(),
            metrics: self.metrics.clone(),
            failures: self.failures.clone(),
        };
        let informer = Informer::new(setup, token.clone());
        let following = informer.follow(self.reflector(&informer), token);
        self.environment.spawn("informer", self.tasks.track_future(following));
        informer
    }

    fn reflector(&self, informer: &Informer) -> Reflector {
        let (resource, options, store) =
            (informer.resource_type(), informer.options(), informer.store().clone());
        let budget = options.decoded_budget().map(|bytes| bytes as u64);
        let intake = Intake::new(resource)
            .projection(options.projection())
            .residence(options.residence())
            .transform(options.transform().cloned())
            .decoded_budget(budget, informer.instruments().intake().clone())
            .known(move |key| store.get(key));
        let following = ReflectorOptions {
            selection: options.selection(),
            page_size: options.page_size(),
            streaming_list: options.streaming_list(),
            format: options.format(),
            metadata_only: options.projection() == Projection::MetadataOnly,
            ..ReflectorOptions::default()
        };
        let metrics = ReflectorMetrics::of(informer.instruments(), informer.health());
        Reflector::new(self.client.clone(), resource.clone(), following, metrics).with_intake(intake)
    }
}

impl Informers {
    /// An empty registry that will list and watch through `client`.
    #[must_use]
    pub fn new(client: Client, environment: Environment, metrics: Metrics) -> Self {
        let shared = Shared {
            client,
            environment,
            metrics,
            registry: Mutex::default(),
            token: CancellationToken::new(),
            failures: Failures::default(),
            tasks: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Sets what requests leave open, for all types: a request goes before what is [configured](Self::configure) for
    /// its type, and that before this (conformance K4). A namespace says nothing about cluster-scoped types. For
    /// informers that start after it.
    #[must_use]
    pub fn with_defaults(self, options: InformerOptions) -> Self {
        self.shared.registry.lock().set_defaults(options);
        self
    }

    /// Sets what requests for one type leave open. Also the selection: where it is configured, "the informer of a type"
    /// is one of that selection.
    ///
    /// **Errors.** [`InformerError::Running`] when an informer of the type runs: whoever started it did not get
    /// what is configured here. [`InformerError::NotNamespaced`].
    pub fn configure(&self, resource: &ResourceType, options: InformerOptions) -> Result<(), InformerError> {
        self.shared.registry.lock().configure(resource, options)
    }

    /// The informer of a type: over all namespaces, unless something else is configured. The first call starts its
    /// list and watch; after [`shut_down`](Self::shut_down) a new one is stopped from the beginning.
    #[must_use]
    pub fn informer(&self, resource: &ResourceType) -> Informer {
        let start = |options| self.shared.start(resource, options);
        self.shared.registry.lock().informer(resource, start)
    }

    /// An informer of a type that never ran: empty, stopped, in no metric.
    pub(crate) fn absent(&self, resource: &ResourceType) -> Informer {
        Informer::absent(InformerSetup {
            resource: resource.clone(),
            options: InformerOptions::default(),
            environment: self.shared.environment.clone(),
            metrics: Metrics::new(),
            failures: Failures::default(),
        })
    }

    /// The informer of a type with these options: the one that runs, or a new one. What is left open is as where it
    /// runs, or as configured.
    ///
    /// **Errors.** [`InformerError::Conflict`] when it runs with another value of an option that is set here;
    /// [`InformerError::NotNamespaced`].
    #[expect(clippy::needless_pass_by_value, reason = "options are made for the call")]
    pub fn informer_with(
        &self,
        resource: &ResourceType,
        options: InformerOptions,
    ) -> Result<Informer, InformerError> {
        let start = |options| self.shared.start(resource, options);
        self.shared.registry.lock().informer_with(resource, &options, start)
    }

    /// The informer of a type known at compile time.
    #[must_use]
    pub fn informer_of<T: Object>(&self) -> Informer {
        self.informer(&T::resource_type())
    }

    /// Typed reads of the cache of a type; starts its informer when it is the first to ask (conformance K2). Keep the
    /// lister as long as you read.
    #[must_use]
    pub fn lister<T: Object>(&self) -> Lister<T> {
        Lister::new(self.informer_of::<T>())
    }

    /// Keeps an informer running until [`shut_down`](Self::shut_down), whoever else leaves, as the informers of
    /// client-go's factory are.
    pub fn keep(&self, informer: &Informer) {
        self.shared.registry.lock().keep(informer);
    }

    /// Whether all informers in use hold their first list.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.all().iter().all(Informer::is_synced)
    }

    /// Waits until all informers in use now hold their first list; `false` when one stopped before.
    /// Dropping the future stops the wait.
    pub async fn wait_synced(&self) -> bool {
        for informer in self.all() {
            if !informer.wait_synced().await {
                return false;
            }
        }
        true
    }

    /// As [`wait_synced`](Self::wait_synced), for so long at most. Dropping the future stops the wait (conformance K5).
    ///
    /// **Errors.** [`NotSynced`] names each cache that is not filled, with what keeps it from listing.
    pub async fn wait_synced_within(&self, limit: Duration) -> Result<(), NotSynced> {
        match tokio::time::timeout(limit, self.wait_synced()).await {
            Ok(true) => Ok(()),
            _ => Err(NotSynced::of(&self.all(), limit)),
        }
    }

    /// The informers in use, by type and selection. Holding them is using them.
    #[must_use]
    pub fn all(&self) -> Vec<Informer> {
        self.shared.registry.lock().all()
    }

    /// Stops all informers, now and for good. Stores keep what they hold.
    pub fn shut_down(&self) {
        self.shared.token.cancel();
    }

    /// The first failure of an informer of this registry, when there is one.
    pub(crate) async fn failed(&self) -> InformerFailure {
        self.shared.failures.first().await
    }

    /// Waits, after [`shut_down`](Self::shut_down), until no informer asks the server for anything any more.
    pub(crate) async fn wait_stopped(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}
