//! What an informer's task works on.

use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceType};

use super::gauges::Gauges;
use super::subscribers::Subscribers;
use super::{Failures, InformerFailure, InformerSetup};
use crate::cache::flag::Flag;
use crate::cache::reflector::{ListEnd, WatchEvent};
use crate::cache::store::Store;
use crate::cache::subscription::ChangeQueue;
use crate::cache::{CachedObject, InformerOptions};

/// The part of an informer that its task shares with the handles.
#[derive(Debug)]
pub(in crate::cache) struct Core {
    resource: ResourceType,
    options: InformerOptions,
    #[expect(dead_code, reason = "handlers will run in it")]
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
        }
    }

    pub(super) fn resource(&self) -> &ResourceType {
        &self.resource
    }

    pub(super) fn options(&self) -> &InformerOptions {
        &self.options
    }

    pub(super) fn store(&self) -> &Store {
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

    pub(super) fn count_unreadable(&self) {
        self.gauges.count_unreadable();
    }

    /// Adds a subscriber; on a stopped informer its queue is closed instead.
    pub(super) fn add(&self, queue: &Arc<ChangeQueue>) {
        let mut subscribers = self.subscribers.lock();
        if subscribers.closed {
            queue.close();
        } else {
            queue.prime(&self.store.snapshot(), self.synced.is_raised());
            subscribers.queues.push(Arc::downgrade(queue));
        }
    }

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
    pub(super) fn replace(&self, list: Vec<Arc<CachedObject>>, end: &ListEnd) {
        let mut subscribers = self.subscribers.lock();
        let first = !self.synced.is_raised();
        let written = self.store.replace(list, &end.unreadable, &end.version);
        self.gauges.show(&self.store);
        subscribers.each(|queue| {
            queue.push(written.iter().cloned(), first);
            queue.complete_list();
        });
        self.synced.raise();
    }

    /// Ends all subscriptions, now and later; `failure` says why when something went wrong.
    pub(super) fn close(&self, failure: Option<InformerFailure>) {
        if let Some(failure) = failure {
            self.failure.lock().get_or_insert_with(|| failure.clone());
            self.failures.report(failure);
        }
        let mut subscribers = self.subscribers.lock();
        subscribers.closed = true;
        subscribers.each(ChangeQueue::close);
        self.stopped.raise();
    }
}
