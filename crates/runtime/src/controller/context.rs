//! What a reconcile is given.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;

use super::doubts::Doubts;
use super::event::{EventRecord, EventSender, EventType};
use super::own_writes::OwnWrites;
use super::sources::Orders;
use super::waits::Waits;
use crate::{Client, Informer, Informers, Lister, Metrics, Object, ObjectExt, ObjectKey, ResourceType};

/// What all reconciles of one controller share.
pub(super) struct Shared {
    pub(super) controller: String,
    pub(super) field_manager: String,
    pub(super) client: Client,
    pub(super) informers: Informers,
    /// The caches that the controller declares or has read, by type. They run as long as the controller does: one
    /// that stopped between two reads would be empty at each.
    pub(super) caches: Mutex<BTreeMap<ResourceType, Informer>>,
    /// Whether a read of what is neither declared nor watched is an error.
    pub(super) refuses_undeclared: bool,
    pub(super) environment: Environment,
    pub(super) metrics: Metrics,
    pub(super) own_writes: OwnWrites,
    pub(super) doubts: Doubts,
    pub(super) waits: Waits,
    pub(super) orders: Orders,
    pub(super) events: EventSender,
    pub(super) departures: Mutex<Departures>,
}

/// Keys whose object has left the cache and whose `deleted` has not succeeded yet.
#[derive(Debug, Default)]
pub(super) struct Departures {
    /// With a number of each departure: an object may come and leave again while `deleted` runs.
    by_key: IndexMap<ObjectKey, u64>,
    count: u64,
}

impl Shared {
    /// The cache of a type, which runs from now on as long as the controller.
    pub(super) fn cache(&self, resource: &ResourceType) -> Informer {
        let mut caches = self.caches.lock();
        if let Some(cache) = caches.get(resource) {
            return cache.clone();
        }
        let cache = self.informers.informer(resource);
        caches.insert(resource.clone(), cache.clone());
        cache
    }

    /// The cache of a type, where it is declared, watched or has been read.
    pub(super) fn declared(&self, resource: &ResourceType) -> Option<Informer> {
        let cache = self.caches.lock().get(resource).cloned();
        cache.or_else(|| self.own_writes.informer(resource))
    }

    /// Notes whether the cache holds an object of this key.
    pub(super) fn note_presence(&self, key: &ObjectKey, present: bool) {
        let mut departures = self.departures.lock();
        if present {
            departures.by_key.swap_remove(key);
        } else {
            departures.count += 1;
            let number = departures.count;
            departures.by_key.insert(key.clone(), number);
        }
    }

    /// The number of the departure of this key that `deleted` has not dealt with.
    pub(super) fn departure(&self, key: &ObjectKey) -> Option<u64> {
        self.departures.lock().by_key.get(key).copied()
    }

    /// `deleted` has dealt with this departure; a later one stays.
    pub(super) fn forget_departure(&self, key: &ObjectKey, number: Option<u64>) {
        let mut departures = self.departures.lock();
        if departures.by_key.get(key).copied() == number {
            departures.by_key.swap_remove(key);
        }
    }
}

/// What one reconcile of an object of type `T` is given: reads, writes that are tracked, events, time.
///
/// **Guarantees.** After a write through the context, the same key is not reconciled again before the caches
/// of the controller show it, or five seconds (the default) have passed. Writes through
/// [`client`](Self::client) are not tracked.
pub struct Context<T> {
    pub(super) shared: Arc<Shared>,
    pub(super) key: ObjectKey,
    pub(super) owner: Option<OwnerReference>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Context<T> {
    fn clone(&self) -> Self {
        let (shared, key, owner) = (Arc::clone(&self.shared), self.key.clone(), self.owner.clone());
        Self { shared, key, owner, of: PhantomData }
    }
}

impl<T: Object> Context<T> {
    pub(super) fn new(shared: &Arc<Shared>, key: &ObjectKey, object: Option<&T>) -> Self {
        let owner = object.map(ObjectExt::owner_reference);
        Self { shared: Arc::clone(shared), key: key.clone(), owner, of: PhantomData }
    }

    /// The key being reconciled.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The controller's name.
    pub fn controller(&self) -> &str {
        &self.shared.controller
    }

    /// The way to the API server, for what the context does not offer.
    ///
    /// Writes through it are **not tracked**: the next reconcile of the same key may run on a cache that does
    /// not show them yet. Write through the context ([`apply`](Self::apply), [`create`](Self::create),
    /// [`update`](Self::update), [`patch`](Self::patch), [`delete`](Self::delete),
    /// [`update_status`](Self::update_status)) what the next reconcile has to see.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// The caches of the manager.
    pub fn informers(&self) -> &Informers {
        &self.shared.informers
    }

    /// Typed reads of the cache of `K`. Declare the type in the builder (owned, watched or
    /// [read](super::ControllerBuilder::reads)): then its cache is filled before the first reconcile.
    ///
    /// The cache of an undeclared type starts with this call and runs as long as the controller. Until it is filled,
    /// reads of it fail with [`ReadError::NotFilled`](crate::ReadError::NotFilled), which is retryable: nothing is
    /// decided on a cache that does not know yet. Where the controller
    /// [refuses undeclared reads](super::ControllerBuilder::refuse_undeclared_reads), nothing starts, and each read
    /// fails with [`ReadError::Undeclared`](crate::ReadError::Undeclared) (conformance K2).
    pub fn lister<K: Object>(&self) -> Lister<K> {
        let resource = K::resource_type();
        if self.shared.refuses_undeclared && self.shared.declared(&resource).is_none() {
            return Lister::refused(self.shared.informers.absent(&resource));
        }
        let cache = self.shared.own_writes.informer(&resource);
        Lister::new(cache.unwrap_or_else(|| self.shared.cache(&resource))).once_filled()
    }

    /// Time, randomness and tasks.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// The time of day, for what people and other systems read.
    pub fn now(&self) -> Timestamp {
        self.shared.environment.now()
    }

    /// Records a `v1` Event about an object, for people who look at it with `kubectl describe`.
    ///
    /// Never waits and never fails: the event is sent later, repetitions are counted up in one Event, and
    /// when too many wait or too many are about one object (25, then one in five minutes), it is dropped and
    /// counted in `pilothouse_events_dropped_total`. `reason` is a `CamelCase` word.
    pub fn event(&self, object: &T, kind: EventType, reason: &str, message: impl Into<String>) {
        self.shared.events.send(EventRecord::about(object, kind, reason, message.into()));
    }
}

impl<T> fmt::Debug for Context<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("controller", &self.shared.controller)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
