//! The registry of informers.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceType};
use tokio_util::sync::CancellationToken;

use super::informer::{Failures, InformerSetup};
use super::reflector::{Reflector, ReflectorMetrics, ReflectorOptions};
use super::{Informer, InformerError, InformerFailure, InformerOptions, Lister, Selection};
use crate::client::Client;
use crate::metrics::Metrics;
use crate::object::Object;

/// One informer per type, started when first asked for and shared by all who ask.
///
/// **Cancellation.** All informers stop on [`shut_down`](Self::shut_down), or each when the last clone of the
/// registry and the last holder of the informer are gone.
#[derive(Clone, Debug)]
pub struct Informers {
    shared: Arc<Shared>,
}

/// What tells informers apart.
type InformerKey = (ResourceType, Selection);

#[derive(Debug)]
struct Shared {
    client: Client,
    environment: Environment,
    metrics: Metrics,
    informers: Mutex<BTreeMap<InformerKey, Informer>>,
    token: CancellationToken,
    failures: Failures,
}

impl Shared {
    fn start(&self, resource: &ResourceType, options: InformerOptions) -> Informer {
        let token = self.token.child_token();
        let reflector = Reflector::new(
            self.client.clone(),
            resource.clone(),
            ReflectorOptions {
                selection: options.selection(),
                page_size: options.page_size(),
                streaming_list: options.streaming_list(),
                ..ReflectorOptions::default()
            },
            ReflectorMetrics::new(&self.metrics, resource),
        );
        let setup = InformerSetup {
            resource: resource.clone(),
            options,
            environment: self.environment.clone(),
            metrics: self.metrics.clone(),
            failures: self.failures.clone(),
        };
        let informer = Informer::new(setup, token.clone());
        self.environment.spawn("informer", informer.follow(reflector, token));
        informer
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
            informers: Mutex::default(),
            token: CancellationToken::new(),
            failures: Failures::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The informer of a type, over all namespaces. The first call starts its list and watch; after
    /// [`shut_down`](Self::shut_down) a new one is stopped from the beginning.
    #[must_use]
    pub fn informer(&self, resource: &ResourceType) -> Informer {
        let mut informers = self.shared.informers.lock();
        let running = informers.entry((resource.clone(), Selection::everything()));
        running.or_insert_with(|| self.shared.start(resource, InformerOptions::default())).clone()
    }

    /// The informer of a type with these options: the one that runs, or a new one.
    ///
    /// **Errors.** [`InformerError::Conflict`] when it runs with another value of an option that is set here.
    pub fn informer_with(
        &self,
        resource: &ResourceType,
        options: InformerOptions,
    ) -> Result<Informer, InformerError> {
        let mut informers = self.shared.informers.lock();
        let key = (resource.clone(), options.selection());
        let Some(running) = informers.get(&key) else {
            let informer = self.shared.start(resource, options);
            informers.insert(key, informer.clone());
            return Ok(informer);
        };
        match InformerError::between(resource, running.options(), &options) {
            Some(conflict) => Err(conflict),
            None => Ok(running.clone()),
        }
    }

    /// The informer of a type known at compile time.
    #[must_use]
    pub fn informer_of<T: Object>(&self) -> Informer {
        self.informer(&T::resource_type())
    }

    /// Typed reads of the cache of a type; starts its informer when it is the first to ask.
    #[must_use]
    pub fn lister<T: Object>(&self) -> Lister<T> {
        Lister::new(self.informer_of::<T>())
    }

    /// Whether all informers asked for so far hold their first list.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.all().iter().all(Informer::is_synced)
    }

    /// Waits until all informers asked for so far hold their first list; `false` when one stopped before.
    /// Dropping the future stops the wait.
    pub async fn wait_synced(&self) -> bool {
        for informer in self.all() {
            if !informer.wait_synced().await {
                return false;
            }
        }
        true
    }

    /// The informers asked for so far, by type.
    #[must_use]
    pub fn all(&self) -> Vec<Informer> {
        self.shared.informers.lock().values().cloned().collect()
    }

    /// Stops all informers, now and for good. Stores keep what they hold.
    pub fn shut_down(&self) {
        self.shared.token.cancel();
    }

    /// The first failure of an informer of this registry, when there is one.
    pub(crate) async fn failed(&self) -> InformerFailure {
        self.shared.failures.first().await
    }

    /// Waits until all informers asked for so far have stopped.
    pub(crate) async fn wait_stopped(&self) {
        for informer in self.all() {
            informer.wait_stopped().await;
        }
    }
}
