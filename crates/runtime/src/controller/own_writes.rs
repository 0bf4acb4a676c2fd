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
    longest_wait: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A type keeps its number when it is not watched any more.
    watched: Vec<Watched>,
    by_key: IndexMap<ObjectKey, Pending>,
    /// Written object to the key whose reconcile wrote it.
    awaited: Awaited,
}

/// A type whose events can end a wait.
#[derive(Debug)]
struct Watched {
    resource: ResourceType,
    /// `None` while no source watches the type.
    informer: Option<Informer>,
    sources: usize,
}

impl State {
    fn number(&self, resource: &ResourceType) -> Option<usize> {
        self.watched.iter().position(|one| one.informer.is_some() && one.resource == *resource)
    }
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
    /// Watches over nothing yet.
    pub(super) fn new(longest_wait: Duration) -> Self {
        Self { longest_wait, state: Mutex::default() }
    }

    /// Watches over writes to the type of an informer that a source watches from now on. Writes to other types are
    /// not noted, because no event would bring the key back.
    pub(super) fn watch(&self, informer: Informer) {
        let mut state = self.state.lock();
        let resource = informer.resource_type().clone();
        match state.watched.iter_mut().find(|one| one.resource == resource) {
            Some(known) => {
                known.sources += 1;
                known.informer.get_or_insert(informer);
            }
            None => state.watched.push(Watched { resource, informer: Some(informer), sources: 1 }),
        }
    }

    /// A source of the type has ended. After the last one nobody waits for its writes any more: returns the keys that
    /// did, and for nothing else.
    pub(super) fn unwatch(&self, resource: &ResourceType) -> Vec<ObjectKey> {
        let mut state = self.state.lock();
        let Some(number) = state.number(resource) else { return Vec::new() };
        let State { watched, by_key, awaited } = &mut *state;
        watched[number].sources -= 1;
        if watched[number].sources > 0 {
            return Vec::new();
        }
        let informer = watched[number].informer.take();
        awaited.retain(|(of, _), _| *of != number);
        let mut freed = Vec::new();
        by_key.retain(|key, pending| {
            pending.writes.retain(|write| write.informer != number);
            let is_free = pending.writes.is_empty();
            if is_free && pending.put_aside.is_some() {
                freed.push(key.clone());
            }
            !is_free
        });
        drop(state);
        // The last user of an informer drops all that it holds.
        drop(informer);
        freed
    }

    /// The informer of a type that a source watches.
    pub(super) fn informer(&self, resource: &ResourceType) -> Option<Informer> {
        let state = self.state.lock();
        state.number(resource).and_then(|number| state.watched[number].informer.clone())
    }

    /// Whether writes to the type are noted.
    pub(super) fn notes(&self, resource: &ResourceType) -> bool {
        !self.longest_wait.is_zero() && self.state.lock().number(resource).is_some()
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
        let mut state = self.state.lock();
        let Some(informer) = state.number(resource) else { return };
        let write = Write { informer, object, shows };
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
        let State { by_key, awaited, watched } = &mut *state;
        let Some(pending) = by_key.get_mut(key) else { return Freshness::Fresh { waited: None } };
        pending.writes.retain(|write| {
            let shown = watched[write.informer].informer.as_ref().is_none_or(|one| shows(one, write));
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
        let informer = state.number(resource)?;
        let State { by_key, awaited, watched } = &mut *state;
        let key = awaited.get(&(informer, object.clone()))?.clone();
        let pending = by_key.get_mut(&key)?;
        if pending.put_aside.is_some() {
            return Some(key);
        }
        pending.writes.retain(|write| {
            let is_other = write.informer != informer || write.object != *object;
            let is_shown =
                !is_other && watched[informer].informer.as_ref().is_none_or(|one| shows(one, write));
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
