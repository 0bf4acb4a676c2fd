//! The work queue that tasks share.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use pilothouse_machinery::Environment;

use super::entries::Slot;
use super::platform::Tokio;
use super::shared::Shared;
use super::state::{State, Taken};
use super::{Priority, WorkQueueOptions};

/// What a queue can hold: anything that identifies a piece of work and is cheap to clone.
pub trait QueueKey: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static> QueueKey for K {}

/// A work queue with client-go's semantics (`util/workqueue`) and without its background tasks.
///
/// **Flow.** Sources [`add`](Self::add) keys; workers [`get`](Self::get) them, work, and drop the
/// [`QueueItem`]; failing keys come back through [`add_rate_limited`](Self::add_rate_limited).
///
/// **Guarantees.** However often a key is added before it is handed out, it is handed out once (Q1). A key
/// that is added while a worker holds it is handed out again exactly once, after that worker is done (Q2); no
/// two workers ever hold the same key (Q3). Of an immediate and a delayed request, or of two delayed ones,
/// the earlier wins and the later is dropped (Q8). Requests are served first come, first served per band and
/// [`Flow`](super::Flow); a band gives way to higher ones for a bounded time only ([`Priority`]), a flow to
/// others for a bounded number of requests. A request that is asked for without delay is ready at once, unless
/// the queue is told to collect requests or to keep to a pace ([`WorkQueueOptions`]).
///
/// **Cancellation.** Every future here may be dropped at any point; nothing is lost.
///
/// Cloning gives another handle to the same queue.
pub struct WorkQueue<K: QueueKey> {
    shared: Arc<Shared<K>>,
}

impl<K: QueueKey> WorkQueue<K> {
    /// An empty queue.
    #[must_use]
    pub fn new(environment: &Environment, options: WorkQueueOptions<K>) -> Self {
        let instruments = options.metrics.as_ref().map(|metrics| {
            let has_slow_lane = options.hot_keys.is_some();
            metrics.of_queue(&options.name, has_slow_lane)
        });
        let (name, metrics) = (options.name.clone(), options.metrics.clone());
        let shared = Arc::new(Shared::new(environment.clone(), Tokio, options, instruments));
        if let Some(metrics) = &metrics {
            let shared = Arc::downgrade(&shared);
            metrics.watch(&name, move || shared.upgrade().map(|shared| shared.in_progress()));
        }
        Self { shared }
    }

    /// Asks for `key` to be served as soon as possible, in the normal band. Ignored after shutdown.
    pub fn add(&self, key: K) {
        self.add_with(key, Priority::NORMAL);
    }

    /// Asks for `key` to be served as soon as possible in a band. A repeated request stands in the higher of
    /// the two bands. Ignored after shutdown.
    pub fn add_with(&self, key: K, priority: Priority) {
        self.shared.add(key, Duration::ZERO, priority);
    }

    /// As [`add_with`](Self::add_with); whether a worker holds the key.
    pub(crate) fn add_observed(&self, key: K, priority: Priority) -> bool {
        self.shared.add(key, Duration::ZERO, priority)
    }

    /// Asks for `key` to be served once `delay` has passed; at once when it is zero. Ignored after shutdown.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.add_after_with(key, delay, Priority::NORMAL);
    }

    /// As [`add_after`](Self::add_after), in a band.
    pub fn add_after_with(&self, key: K, delay: Duration, priority: Priority) {
        self.shared.add(key, delay, priority);
    }

    /// Counts a failure of `key` and asks for it after the delay that the retry policy gives, or the bucket
    /// where that is longer; returns the delay.
    pub fn add_rate_limited(&self, key: K) -> Duration {
        self.add_rate_limited_with(key, Priority::NORMAL)
    }

    /// As [`add_rate_limited`](Self::add_rate_limited), in a band.
    pub fn add_rate_limited_with(&self, key: K, priority: Priority) -> Duration {
        self.shared.retry(key, priority)
    }

    /// Forgets the failures of `key`: its next delay is the first one again.
    pub fn forget(&self, key: &K) {
        self.shared.with(|state, _| state.forget(key));
    }

    /// Takes over the failures of `key` from elsewhere: an earlier process.
    pub(crate) fn set_failures(&self, key: K, failures: u64) {
        self.shared.with(|state, _| state.set_failures(key, failures));
    }

    /// How often `key` failed since it was last forgotten.
    pub fn failures(&self, key: &K) -> u64 {
        self.shared.with(|state, _| state.failures(key))
    }

    /// The next key to work on; `None` once the queue is shut down and everything that was ready is taken.
    ///
    /// **Cancellation.** Dropping the future takes nothing from the queue.
    pub async fn get(&self) -> Option<QueueItem<K>> {
        let Taken { slot, key, priority, .. } = match self.shared.try_next() {
            Some(taken) => taken,
            None => self.shared.next().await?,
        };
        Some(QueueItem { shared: Arc::clone(&self.shared), slot, key, priority })
    }

    /// How many keys are ready to be handed out: neither waiting for their time nor in a worker's hands (P4).
    pub fn len(&self) -> usize {
        self.shared.with(State::len)
    }

    /// How many keys anything is known of.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.shared.with(|state, _| state.entries.len())
    }

    /// Whether nothing is ready to be handed out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses further adds and drops what waits for its time, also where debounce or a minimum interval makes
    /// it wait. What is ready is still handed out, then every [`get`](Self::get) returns `None`. Ends a
    /// [`shut_down_with_drain`](Self::shut_down_with_drain) in progress.
    pub fn shut_down(&self) {
        self.shared.close(true);
    }

    /// Whether the queue was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.shared.with(|state, _| state.is_closed())
    }

    /// Shuts down and waits until every key that was ready or in a worker's hands is done, or until
    /// [`shut_down`](Self::shut_down) is called. Needs workers that go on getting.
    ///
    /// **Cancellation.** Dropping the future stops the waiting; the queue stays shut down.
    pub async fn shut_down_with_drain(&self) {
        self.shared.close(false);
        self.shared.drain().await;
    }
}

/// A key in the hands of a worker; done when dropped, also when the worker is cancelled or panics.
pub struct QueueItem<K: QueueKey> {
    shared: Arc<Shared<K>>,
    slot: Slot,
    key: K,
    priority: Priority,
}

impl<K: QueueKey> QueueItem<K> {
    /// The key to work on.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The priority of the request.
    pub fn priority(&self) -> Priority {
        self.priority
    }
}

impl<K: QueueKey> Drop for QueueItem<K> {
    fn drop(&mut self) {
        self.shared.done(self.slot);
    }
}

impl<K: QueueKey> fmt::Debug for QueueItem<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("QueueItem")
            .field("key", &self.key)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

impl<K: QueueKey> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: QueueKey> fmt::Debug for WorkQueue<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WorkQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}
