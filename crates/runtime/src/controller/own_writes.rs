//! Which of the controller's own writes its caches have not seen yet.
//!
//! A write through [`Context`](super::Context) notes what the cache must show before the same key is
//! reconciled again: the version written (or any later one), or that a deleted object is gone or going. A key
//! that is taken too early is put aside without holding a worker (W2); the watch event that shows the write
//! brings it back, or the end of a bounded wait does (W3).

use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{CachedObject, Informer, ObjectKey, ResourceType, ResourceVersion};

/// The writes that wait for the caches of one controller.
#[derive(Debug)]
pub(super) struct OwnWrites {
    informers: Vec<Informer>,
    longest_wait: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_key: IndexMap<ObjectKey, Pending>,
    /// Written object to the key whose reconcile wrote it.
    awaited: Awaited,
}

type Awaited = IndexMap<(usize, ObjectKey), ObjectKey>;

#[derive(Debug)]
struct Pending {
    writes: Vec<Write>,
    last_write: Instant,
    put_aside: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Write {
    informer: usize,
    object: ObjectKey,
    shows: Shows,
}

/// What the cache must show.
#[derive(Clone, Debug)]
enum Shows {
    Version { uid: String, version: ResourceVersion },
    Gone { uid: String },
}

/// Whether a key may be reconciled now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// The caches show every write. With how long the key had been put aside, if it was.
    Fresh { waited: Option<Duration> },
    /// Put the key aside: its event brings it back, and this delay at the latest.
    Behind { at_most: Duration },
    /// The wait is over without the event.
    GivenUp { waited: Duration },
}

impl OwnWrites {
    /// Watches over writes to the types of `informers`; writes to other types are not noted, because no event
    /// would bring the key back.
    pub(super) fn new(informers: Vec<Informer>, longest_wait: Duration) -> Self {
        Self { informers, longest_wait, state: Mutex::default() }
    }

    /// Notes a version that a reconcile of `key` wrote.
    pub(super) fn wrote(
        &self,
        key: &ObjectKey,
        resource: &ResourceType,
        object: ObjectKey,
        uid: &str,
        version: ResourceVersion,
    ) {
        self.note(key, resource, object, Shows::Version { uid: uid.to_owned(), version });
    }

    /// Notes a deletion that a reconcile of `key` asked for.
    pub(super) fn deleted(&self, key: &ObjectKey, resource: &ResourceType, object: ObjectKey, uid: &str) {
        self.note(key, resource, object, Shows::Gone { uid: uid.to_owned() });
    }

    fn note(&self, key: &ObjectKey, resource: &ResourceType, object: ObjectKey, shows: Shows) {
        if self.longest_wait.is_zero() {
            return;
        }
        let Some(informer) = self.informers.iter().position(|one| one.resource_type() == resource) else {
            return;
        };
        let write = Write { informer, object, shows };
        let mut state = self.state.lock();
        state.awaited.insert((informer, write.object.clone()), key.clone());
        let now = Instant::now();
        let pending = state.by_key.entry(key.clone()).or_insert_with(|| Pending {
            writes: Vec::new(),
            last_write: now,
            put_aside: None,
        });
        pending.last_write = now;
        pending.writes.retain(|earlier| (earlier.informer, &earlier.object) != (informer, &write.object));
        pending.writes.push(write);
    }

    /// Whether the caches show what earlier reconciles of `key` wrote; forgets what they show.
    pub(super) fn check(&self, key: &ObjectKey) -> Freshness {
        let mut state = self.state.lock();
        let State { by_key, awaited } = &mut *state;
        let Some(pending) = by_key.get_mut(key) else { return Freshness::Fresh { waited: None } };
        pending.writes.retain(|write| {
            let shown = self.informers.get(write.informer).is_none_or(|informer| shows(informer, write));
            if shown {
                forget(awaited, key, write);
            }
            !shown
        });
        let now = Instant::now();
        let waited = pending.put_aside.map(|since| now.saturating_duration_since(since));
        if pending.writes.is_empty() {
            by_key.swap_remove(key);
            return Freshness::Fresh { waited };
        }
        let left = (pending.last_write + self.longest_wait).saturating_duration_since(now);
        if left.is_zero() {
            for write in &pending.writes {
                forget(awaited, key, write);
            }
            by_key.swap_remove(key);
            return Freshness::GivenUp { waited: waited.unwrap_or_default() };
        }
        pending.put_aside.get_or_insert(now);
        Freshness::Behind { at_most: left }
    }

    /// The key that was put aside until a change of `object` is seen. Forgets the write where no key waits and
    /// the cache shows it: the key may never be reconciled again.
    pub(super) fn observed(&self, resource: &ResourceType, object: &ObjectKey) -> Option<ObjectKey> {
        let mut state = self.state.lock();
        if state.awaited.is_empty() {
            return None;
        }
        let informer = self.informers.iter().position(|one| one.resource_type() == resource)?;
        let State { by_key, awaited } = &mut *state;
        let key = awaited.get(&(informer, object.clone()))?.clone();
        let pending = by_key.get_mut(&key)?;
        if pending.put_aside.is_some() {
            return Some(key);
        }
        pending.writes.retain(|write| {
            let is_other = write.informer != informer || write.object != *object;
            let is_shown = !is_other && self.informers.get(informer).is_some_and(|one| shows(one, write));
            if is_shown {
                forget(awaited, &key, write);
            }
            !is_shown
        });
        if pending.writes.is_empty() {
            by_key.swap_remove(&key);
        }
        None
    }
}

/// Stops waiting for a write of `key`, unless another key has written the same object since.
fn forget(awaited: &mut Awaited, key: &ObjectKey, write: &Write) {
    let written = (write.informer, write.object.clone());
    if awaited.get(&written) == Some(key) {
        awaited.swap_remove(&written);
    }
}

/// Whether the cache shows the write or something later.
fn shows(informer: &Informer, write: &Write) -> bool {
    let store = informer.store();
    let cached = store.get(&write.object);
    let cached: Option<&CachedObject> = cached.as_deref();
    match &write.shows {
        Shows::Gone { uid } => {
            cached.is_none_or(|object| object.uid() != uid.as_str() || object.header().deleting)
        }
        Shows::Version { uid, version } => {
            store.resource_version().is_at_least(version)
                || cached.is_some_and(|object| match object.resource_version().compare(version) {
                    Some(order) => order.is_ge(),
                    // Versions that cannot be compared (W5): only another life of the object is surely later.
                    None => object.uid() != uid.as_str(),
                })
        }
    }
}
