//! The work queue that tasks share.

use std::fmt;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::shared::{Guarded, Shared, Step};
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
/// the earlier wins and the later is dropped (Q8). Requests are served first come, first served per band; a
/// low request gives way to normal ones for a bounded time only ([`Priority`]).
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
    pub fn new(environment: &Environment, options: WorkQueueOptions) -> Self {
        let queue = Self {
            shared: Arc::new(Shared {
                guarded: Mutex::new(Guarded::new(options.ageing)),
                changed: Notify::new(),
                drained: Notify::new(),
                environment: environment.clone(),
                retry: options.retry,
                instruments: options.metrics.as_ref().map(|metrics| metrics.of_queue(&options.name)),
            }),
        };
        if let Some(metrics) = &options.metrics {
            let shared = Arc::downgrade(&queue.shared);
            metrics.watch(&options.name, move || shared.upgrade().map(|shared| shared.in_progress()));
        }
        queue
    }

    /// Asks for `key` to be served as soon as possible, in the normal band. Ignored after shutdown.
    pub fn add(&self, key: K) {
        self.add_with(key, Priority::Normal);
    }

    /// Asks for `key` to be served as soon as possible in a band. A repeated request stands in the higher of
    /// the two bands. Ignored after shutdown.
    pub fn add_with(&self, key: K, priority: Priority) {
        self.shared.update(|state, now| state.add(key, priority, now));
    }

    /// Asks for `key` to be served once `delay` has passed; at once when it is zero. Ignored after shutdown.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.add_after_with(key, delay, Priority::Normal);
    }

    /// As [`add_after`](Self::add_after), in a band.
    pub fn add_after_with(&self, key: K, delay: Duration, priority: Priority) {
        if let (Some(instruments), false) = (&self.shared.instruments, delay.is_zero()) {
            instruments.retries.inc();
        }
        self.shared.update(|state, now| state.add_after(key, delay, priority, now));
    }

    /// Counts a failure of `key` and asks for it after the delay that the retry policy gives; returns the
    /// delay.
    pub fn add_rate_limited(&self, key: K) -> Duration {
        self.add_rate_limited_with(key, Priority::Normal)
    }

    /// As [`add_rate_limited`](Self::add_rate_limited), in a band.
    pub fn add_rate_limited_with(&self, key: K, priority: Priority) -> Duration {
        let failures = self.shared.guarded.lock().state.fail(&key);
        let delay = self.shared.retry.drawn(failures, &self.shared.environment);
        self.add_after_with(key, delay, priority);
        delay
    }

    /// Forgets the failures of `key`: its next delay is the first one again.
    pub fn forget(&self, key: &K) {
        self.shared.guarded.lock().state.forget(key);
    }

    /// How often `key` failed since it was last forgotten.
    pub fn failures(&self, key: &K) -> u64 {
        self.shared.guarded.lock().state.failures(key)
    }

    /// The next key to work on; `None` once the queue is shut down and everything that was ready is taken.
    ///
    /// **Cancellation.** Dropping the future takes nothing from the queue.
    pub async fn get(&self) -> Option<QueueItem<K>> {
        loop {
            match self.shared.step() {
                Step::Take(taken) => {
                    let (key, priority) = (taken.key, taken.priority);
                    return Some(QueueItem { queue: self.clone(), key, priority });
                }
                Step::End => return None,
                Step::Wait => self.shared.changed.notified().await,
                Step::WaitUntil(due, keeper) => {
                    tokio::select! {
                        biased;
                        () = self.shared.changed.notified() => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                    keeper.relieve();
                }
            }
        }
    }

    /// How many keys are ready to be handed out: neither waiting for their time nor in a worker's hands (P4).
    pub fn len(&self) -> usize {
        let (normal, low) = self.shared.guarded.lock().state.depths(Instant::now());
        normal + low
    }

    /// Whether nothing is ready to be handed out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses further adds and drops what waits for its time. What is ready is still handed out, then every
    /// [`get`](Self::get) returns `None`. Ends a [`shut_down_with_drain`](Self::shut_down_with_drain) in
    /// progress.
    pub fn shut_down(&self) {
        let mut guarded = self.shared.guarded.lock();
        guarded.state.close(Instant::now());
        guarded.drain_forced = true;
        drop(guarded);
        self.shared.changed.notify_one();
        self.shared.drained.notify_waiters();
    }

    /// Whether the queue was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.shared.guarded.lock().state.is_closed()
    }

    /// Shuts down and waits until every key that was ready or in a worker's hands is done, or until
    /// [`shut_down`](Self::shut_down) is called. Needs workers that go on getting.
    ///
    /// **Cancellation.** Dropping the future stops the waiting; the queue stays shut down.
    pub async fn shut_down_with_drain(&self) {
        self.shared.guarded.lock().state.close(Instant::now());
        self.shared.changed.notify_one();
        loop {
            let mut drained = pin!(self.shared.drained.notified());
            drained.as_mut().enable();
            {
                let guarded = self.shared.guarded.lock();
                if guarded.drain_forced || guarded.state.is_empty() {
                    return;
                }
            }
            drained.await;
        }
    }
}

/// A key in the hands of a worker; done when dropped, also when the worker is cancelled or panics.
pub struct QueueItem<K: QueueKey> {
    queue: WorkQueue<K>,
    key: K,
    priority: Priority,
}

impl<K: QueueKey> QueueItem<K> {
    /// The key to work on.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The band that the request stood in.
    pub fn priority(&self) -> Priority {
        self.priority
    }
}

impl<K: QueueKey> Drop for QueueItem<K> {
    fn drop(&mut self) {
        self.queue.shared.done(&self.key);
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
