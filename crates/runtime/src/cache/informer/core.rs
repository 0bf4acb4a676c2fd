//! What an informer's task works on.

use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceType};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::gauges::Gauges;
use super::subscribers::Subscribers;
use super::{Failures, InformerFailure, InformerSetup};
use crate::cache::flag::Flag;
use crate::cache::reflector::{ListEnd, WatchEvent};
use crate::cache::store::{Outcome, Store};
use crate::cache::subscription::{Lag, Listener};
use crate::cache::trouble::Health;
use crate::cache::{CachedObject, ChangeKind, InformerOptions, Snapshot};

/// The part of an informer that its task shares with the handles.
#[derive(Debug)]
pub(in crate::cache) struct Core {
    resource: ResourceType,
    options: InformerOptions,
    environment: Environment,
    store: Store,
    /// Held from a write of the store to the end of telling about it: who holds it sees a store of which
    /// everything has been told.
    subscribers: Mutex<Subscribers>,
    synced: Flag,
    stopped: Flag,
    failure: Mutex<Option<InformerFailure>>,
    failures: Failures,
    gauges: Gauges,
    health: Health,
    /// Told when a subscriber that the informer waits for has room.
    room: Arc<Notify>,
    started: Instant,
}

impl Core {
    pub(super) fn new(setup: InformerSetup) -> Self {
        Self {
            gauges: Gauges::new(&setup.metrics, &setup.resource),
            resource: setup.resource,
            options: setup.options,
            environment: setup.environment,
            store: Store::default(),
            subscribers: Mutex::default(),
            synced: Flag::default(),
            stopped: Flag::default(),
            failure: Mutex::default(),
            failures: setup.failures,
            health: Health::default(),
            room: Arc::default(),
            started: Instant::now(),
        }
    }

    pub(super) fn resource(&self) -> &ResourceType {
        &self.resource
    }

    pub(super) fn options(&self) -> &InformerOptions {
        &self.options
    }

    pub(in crate::cache) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn synced(&self) -> &Flag {
        &self.synced
    }

    pub(super) fn stopped(&self) -> &Flag {
        &self.stopped
    }

    pub(super) fn failure(&self) -> Option<InformerFailure> {
        self.failure.lock().clone()
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    pub(super) fn count_unreadable(&self) {
        self.gauges.count_unreadable();
    }

    pub(in crate::cache) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// When the informer was made: ticks of resyncs count from here.
    pub(in crate::cache) fn started(&self) -> Instant {
        self.started
    }

    pub(in crate::cache) fn room(&self) -> &Arc<Notify> {
        &self.room
    }

    /// Adds a subscriber; on a stopped informer it is closed instead.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the caller makes a trait object of its queue for this"
    )]
    pub(in crate::cache) fn add(&self, listener: Arc<dyn Listener>) {
        let mut subscribers = self.subscribers.lock();
        if subscribers.closed {
            listener.close();
            return;
        }
        if self.synced.is_raised() {
            listener.begin(&self.store.snapshot(), &[], Instant::now());
        }
        subscribers.add(&listener);
    }

    /// Calls `read` with the present state while nobody writes, when subscribers were told of all of it.
    pub(in crate::cache) fn with_all_told<R>(&self, read: impl FnOnce(&Snapshot) -> R) -> R {
        let _subscribers = self.subscribers.lock();
        read(&self.store.snapshot())
    }

    /// Reads on, for a subscriber, in the state it starts from.
    pub(in crate::cache) fn read_ahead(&self, listener: &dyn Listener) {
        self.with_all_told(|snapshot| listener.read_ahead(snapshot));
    }

    /// Applies what a watch said and tells subscribers. A watch without a list before it starts from nothing
    /// (conformance F11).
    pub(in crate::cache) fn apply(&self, events: Vec<WatchEvent>) {
        // What was replaced is dropped here, where nobody waits for it (C-I5).
        drop(self.apply_and_tell(events));
    }

    fn apply_and_tell(&self, events: Vec<WatchEvent>) -> Outcome {
        let mut subscribers = self.subscribers.lock();
        let before = (!self.synced.is_raised()).then(|| self.store.snapshot());
        let outcome = self.store.apply(events);
        self.gauges.show(&self.store);
        if outcome.written.is_empty() {
            return outcome;
        }
        let now = Instant::now();
        subscribers.each(|listener| {
            if let Some(before) = &before {
                listener.begin(before, &[], now);
            }
            listener.push(&outcome.written, None, now);
        });
        self.synced.raise();
        outcome
    }

    /// Applies a complete list and tells subscribers.
    pub(in crate::cache) fn replace(&self, list: Vec<Arc<CachedObject>>, end: &ListEnd) {
        // As above.
        drop(self.replace_and_tell(list, end));
    }

    fn replace_and_tell(&self, list: Vec<Arc<CachedObject>>, end: &ListEnd) -> Outcome {
        let mut subscribers = self.subscribers.lock();
        let kept = end.unreadable.keys(&self.store.snapshot());
        let mut outcome = self.store.replace(list, &kept, &end.version);
        self.gauges.show(&self.store);
        let now = Instant::now();
        if self.synced.is_raised() {
            subscribers.each(|listener| listener.push(&outcome.written, Some(&end.version), now));
        } else {
            // The rest is what subscribers start from: they read it in the store.
            outcome.written.retain(|written| written.kind == ChangeKind::Deleted);
            let snapshot = self.store.snapshot();
            subscribers.each(|listener| listener.begin(&snapshot, &outcome.written, now));
            self.synced.raise();
        }
        outcome
    }

    /// Waits as long as a subscriber wants the informer to wait. Dropping the future stops the wait.
    pub(in crate::cache) async fn room_for_more(&self) {
        loop {
            let mut is_full = false;
            self.subscribers.lock().each(|listener| is_full |= listener.is_over_limit());
            if !is_full {
                return;
            }
            self.room.notified().await;
        }
    }

    /// How far each subscriber is behind.
    pub(super) fn lags(&self) -> Vec<Lag> {
        let (now, mut lags) = (Instant::now(), Vec::new());
        self.subscribers.lock().each(|listener| lags.push(listener.lag(now)));
        lags
    }

    #[cfg(test)]
    pub(super) fn kept_subscribers(&self) -> usize {
        self.subscribers.lock().kept()
    }

    /// Whether nobody holds a lock that readers, writers or subscribers take.
    #[cfg(test)]
    pub(super) fn is_free_of_locks(&self) -> bool {
        self.subscribers.try_lock().is_some() && self.store.is_free_of_locks()
    }

    /// Ends all subscriptions, now and later; `failure` says why when something went wrong.
    pub(in crate::cache) fn close(&self, failure: Option<InformerFailure>) {
        if let Some(failure) = failure {
            self.failure.lock().get_or_insert_with(|| failure.clone());
            self.failures.report(failure);
        }
        let mut subscribers = self.subscribers.lock();
        subscribers.closed = true;
        subscribers.each(|listener| listener.close());
        self.stopped.raise();
    }
}
