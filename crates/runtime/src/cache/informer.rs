//! A shared cache of one type.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pilothouse_machinery::{ResourceType, ResourceVersion};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::flag::Flag;
use super::index::IndexError;
use super::reflector::{Reflector, ReflectorEvent, WatchEvent};
use super::store::Store;
use super::subscription::{ChangeQueue, Subscription};
use super::{CachedObject, InformerOptions};
use crate::metrics::Metrics;

/// A cache of all objects of one type, kept up to date by one list and watch, shared by everybody who asks.
///
/// **Flow.** A reflector lists and watches; each batch goes to the [`Store`] first, then to every
/// [`Subscription`].
///
/// **Guarantees.** Each subscriber gets every object once as an initial addition, whenever it subscribes, and
/// after that what changed (S7). Several subscribers do not influence each other (S9).
///
/// **Cancellation.** The reflector stops when the last clone of the informer (also in subscriptions and in the
/// [`Informers`](super::Informers) it came from) is dropped, or when those are shut down. A stopped informer
/// keeps its store and ends its subscriptions; it cannot be started again (S11).
#[derive(Clone, Debug)]
pub struct Informer {
    core: Arc<Core>,
    _stop: Arc<DropGuard>,
}

/// The part that the reflector's task shares.
#[derive(Debug)]
pub(super) struct Core {
    resource: ResourceType,
    options: InformerOptions,
    store: Store,
    subscribers: Mutex<Subscribers>,
    synced: Flag,
    stopped: Flag,
    gauges: Gauges,
}

/// How far the cache is, how large, and how often a read of it failed.
#[derive(Debug)]
struct Gauges {
    resource_version: Gauge,
    objects: Gauge,
    unreadable: Counter,
}

#[derive(Debug, Default)]
struct Subscribers {
    queues: Vec<Weak<ChangeQueue>>,
    closed: bool,
}

impl Informer {
    /// An informer that stops when `token` is cancelled, and cancels it when nobody holds the informer.
    pub(super) fn new(
        resource: ResourceType,
        options: InformerOptions,
        token: CancellationToken,
        metrics: &Metrics,
    ) -> Self {
        let core = Core {
            gauges: Gauges::new(metrics, &resource),
            resource,
            options,
            store: Store::default(),
            subscribers: Mutex::default(),
            synced: Flag::default(),
            stopped: Flag::default(),
        };
        Self { core: Arc::new(core), _stop: Arc::new(token.drop_guard()) }
    }

    /// What keeps the informer up to date. It ends, and with it all subscriptions, when `token` is cancelled.
    pub(super) fn follow(
        &self,
        reflector: Reflector,
        token: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        // The task holds the core alone, so that it does not keep itself running.
        follow(CloseAtEnd(Arc::clone(&self.core)), reflector, token)
    }

    /// The type of the objects.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.core.resource
    }

    /// What it caches and how.
    pub fn options(&self) -> &InformerOptions {
        &self.core.options
    }

    /// The objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// Changes from now on, with the present state as initial changes first. On a stopped informer the
    /// subscription is over at once.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let queue = Arc::new(ChangeQueue::default());
        let mut subscribers = self.core.subscribers.lock();
        if subscribers.closed {
            queue.close();
        } else {
            queue.prime(&self.core.store.snapshot(), self.core.synced.is_raised());
            subscribers.queues.push(Arc::downgrade(&queue));
        }
        drop(subscribers);
        Subscription::new(queue, self.clone())
    }

    /// Adds an index to the store; objects present are indexed at once. The name must be new. `values` is called
    /// for both the old and the new state of what changed, within the write: it must depend on the object alone, and
    /// be quick.
    pub fn add_index(
        &self,
        name: &str,
        values: impl Fn(&CachedObject) -> Vec<String> + Send + Sync + 'static,
    ) -> Result<(), IndexError> {
        self.core.store.add_index(name, Arc::new(values))
    }

    pub(super) fn count_unreadable(&self) {
        self.core.gauges.unreadable.inc();
    }

    /// Whether the first list is in the store.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.core.synced.is_raised()
    }

    /// Waits until the first list is in the store; `false` when the informer stopped before (S18). Dropping the
    /// future stops the wait.
    pub async fn wait_synced(&self) -> bool {
        tokio::select! {
            biased;
            () = self.core.synced.raised() => true,
            () = self.core.stopped.raised() => self.is_synced(),
        }
    }

    /// Waits until the informer has stopped: it asks the server for nothing any more.
    pub(crate) async fn wait_stopped(&self) {
        self.core.stopped.raised().await;
    }

    /// Whether the informer has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.core.stopped.is_raised()
    }
}

/// Closes the core also when the task that feeds it panics or is dropped.
struct CloseAtEnd(Arc<Core>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn follow(core: CloseAtEnd, mut reflector: Reflector, token: CancellationToken) {
    let core = &core.0;
    let mut list = Vec::new();
    loop {
        let event = tokio::select! {
            biased;
            () = token.cancelled() => return,
            event = reflector.next() => event,
        };
        match event {
            ReflectorEvent::ListStarted(_) => list.clear(),
            ReflectorEvent::ListItems(items) => {
                let known = core.store.snapshot();
                // What is unchanged is dropped right away, so that a relist does not hold everything twice.
                list.extend(items.into_iter().map(|item| match known.get(item.key()) {
                    Some(same) if same.is_same_version(&item) => Arc::clone(same),
                    _ => item,
                }));
            }
            ReflectorEvent::ListCompleted(version) => core.replace(std::mem::take(&mut list), &version),
            ReflectorEvent::WatchOpened => {}
            ReflectorEvent::Watched(events) => core.apply(&events),
        }
    }
}

impl Core {
    /// Applies what a watch said and tells subscribers.
    pub(super) fn apply(&self, events: &[WatchEvent]) {
        let mut subscribers = self.subscribers.lock();
        let written = self.store.apply(events);
        self.gauges.show(&self.store);
        if !written.is_empty() {
            subscribers.each(|queue| queue.push(written.iter().cloned(), false));
        }
    }

    /// Applies a complete list and tells subscribers.
    pub(super) fn replace(&self, list: Vec<Arc<CachedObject>>, version: &ResourceVersion) {
        let mut subscribers = self.subscribers.lock();
        let first = !self.synced.is_raised();
        let written = self.store.replace(list, version);
        self.gauges.show(&self.store);
        subscribers.each(|queue| {
            queue.push(written.iter().cloned(), first);
            queue.complete_list();
        });
        self.synced.raise();
    }

    /// Ends all subscriptions, now and later.
    pub(super) fn close(&self) {
        let mut subscribers = self.subscribers.lock();
        subscribers.closed = true;
        subscribers.each(ChangeQueue::close);
        self.stopped.raise();
    }
}

impl Gauges {
    fn new(metrics: &Metrics, resource: &ResourceType) -> Self {
        let version =
            metrics.gauge("informer_store_resource_version", "Last 15 digits of the cache's version");
        let objects = metrics.gauge("pilothouse_informer_objects", "Objects in the cache");
        let unreadable = metrics.counter(
            "pilothouse_informer_unreadable",
            "Reads of objects in the cache that do not fit the type asked for",
        );
        let resource = resource.to_string();
        let labels = [("resource", &*resource)];
        Self {
            resource_version: version.with(&labels),
            objects: objects.with(&labels),
            unreadable: unreadable.with(&labels),
        }
    }

    fn show(&self, store: &Store) {
        let snapshot = store.snapshot();
        let version = snapshot.resource_version().number().unwrap_or_default() % 1_000_000_000_000_000;
        self.resource_version.set(i64::try_from(version).unwrap_or_default());
        self.objects.set(i64::try_from(snapshot.len()).unwrap_or(i64::MAX));
    }
}

impl Subscribers {
    /// Calls `tell` for each subscriber there is and forgets those that are gone.
    fn each(&mut self, tell: impl Fn(&ChangeQueue)) {
        self.queues.retain(|queue| {
            let queue = queue.upgrade();
            queue.as_deref().inspect(|queue| tell(queue)).is_some()
        });
    }
}
