//! What an informer's task works on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceType};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::subscribers::Subscribers;
use super::{Failures, InformerFailure, InformerSetup};
use crate::cache::flag::Flag;
use crate::cache::metrics::{CacheMetrics, Identity, InformerReading, Instruments, Reading, Subject};
use crate::cache::reflector::{ListEnd, WatchEvent};
use crate::cache::store::{Outcome, Store, Written};
use crate::cache::subscription::{Lag, Listener};
use crate::cache::trouble::Health;
use crate::cache::{CachedObject, ChangeKind, InformerOptions, Snapshot};

/// How long a scrape waits while subscribers are told: longer than to tell a batch takes, unless a filter hangs.
const PATIENCE: Duration = Duration::from_millis(10);

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
    instruments: Arc<Instruments>,
    /// Kept of objects when they came, in bytes.
    bytes: AtomicI64,
    /// What `lags` last came to, for a scrape while somebody is being told.
    last_lags: Mutex<Vec<Lag>>,
    health: Health,
    /// Told when a subscriber that the informer waits for has room.
    room: Arc<Notify>,
    started: Instant,
    /// Cancelled when nobody uses the informer any more.
    token: CancellationToken,
}

impl Core {
    /// What an informer works on until `token` is cancelled. It shows itself in the setup's metrics from now on.
    pub(super) fn new(setup: InformerSetup, token: CancellationToken) -> Arc<Self> {
        let identity = Identity::of(&setup.resource, &setup.options);
        let metrics = CacheMetrics::of(&setup.metrics);
        metrics.admit(&identity, |instruments| Arc::new(Self::with(setup, token, instruments)))
    }

    fn with(setup: InformerSetup, token: CancellationToken, instruments: Instruments) -> Self {
        Self {
            instruments: Arc::new(instruments),
            bytes: AtomicI64::default(),
            last_lags: Mutex::default(),
            token,
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

    pub(super) fn instruments(&self) -> &Arc<Instruments> {
        &self.instruments
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
        let now = Instant::now();
        let before = (!self.synced.is_raised()).then(|| self.store.snapshot());
        let outcome = self.store.apply(events);
        if outcome.written.is_empty() {
            return outcome;
        }
        self.weigh(&outcome.written);
        subscribers.each(|listener| {
            if let Some(before) = &before {
                listener.begin(before, &[], now);
            }
            listener.push(&outcome.written, None, now);
        });
        self.synced.raise();
        self.instruments.processed(now);
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
        let now = Instant::now();
        let histories = self.store.histories();
        let mut outcome = self.store.replace(list, &kept, &end.version);
        if self.store.histories() != histories {
            self.instruments.history_reset();
        }
        self.weigh(&outcome.written);
        if self.synced.is_raised() {
            subscribers.each(|listener| listener.push(&outcome.written, Some(&end.version), now));
        } else {
            // The rest is what subscribers start from: they read it in the store.
            outcome.written.retain(|written| written.kind == ChangeKind::Deleted);
            let snapshot = self.store.snapshot();
            subscribers.each(|listener| listener.begin(&snapshot, &outcome.written, now));
            self.synced.raise();
        }
        self.instruments.processed(now);
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
            // However long that takes is the subscriber's affair.
            self.health.pulse().waits();
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

impl Core {
    /// Notes how much larger or smaller the cache has become.
    fn weigh(&self, written: &[Written]) {
        let weigh = |object: &Arc<CachedObject>| i64::try_from(object.first_size()).unwrap_or_default();
        let change = |written: &Written| {
            let now = if written.kind == ChangeKind::Deleted { 0 } else { weigh(&written.object) };
            now - written.previous.as_ref().map_or(0, weigh)
        };
        self.bytes.fetch_add(written.iter().map(change).sum(), Ordering::Relaxed);
    }

    /// As [`lags`](Self::lags), without waiting for a filter that runs, in this task even: then as they were when
    /// last asked for (C-I19).
    fn lags_at_once(&self, now: Instant) -> Vec<Lag> {
        if let Some(mut subscribers) = self.subscribers.try_lock_for(PATIENCE) {
            let mut lags = Vec::new();
            subscribers.each(|listener| lags.push(listener.lag(now)));
            drop(subscribers);
            self.last_lags.lock().clone_from(&lags);
            return lags;
        }
        self.last_lags.lock().clone()
    }
}

impl Subject for Core {
    fn has_ended(&self) -> bool {
        self.stopped.is_raised() || self.token.is_cancelled()
    }

    fn read(self: Arc<Self>, now: Instant) -> Reading {
        let (objects, version) = (self.store.len(), self.store.resource_version());
        let intake = self.instruments.intake();
        let bytes = u64::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or_default();
        let informer = InformerReading {
            objects,
            bytes: bytes.saturating_sub(intake.repacked()),
            decoded_bytes: intake.decoded_bytes(),
            decoded_budget: self.options.decoded_budget(),
            version: version.number().filter(|_| !version.is_zero()),
            synced: self.synced.is_raised(),
            trouble: self.health.trouble().map(|trouble| trouble.reason()),
            lags: self.lags_at_once(now),
        };
        Reading { instruments: Arc::clone(&self.instruments), informer: Some(informer) }
    }
}
