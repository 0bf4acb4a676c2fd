//! The store: commits, snapshots, history.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use pilothouse_machinery::ObjectKey;
use serde_json::Value;

use super::resource::{Objects, Resource};
use super::wakers::Wakers;
use super::{Event, EventKind, HistoryLimits, StoredObject};
use crate::kind::{Kind, StorageKey};

/// The object changed between reading it and writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raced;

/// The history does not reach back that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    /// The oldest revision that can be asked for.
    pub(crate) oldest: u64,
}

/// The objects of one resource at one revision.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The revision.
    pub(crate) revision: u64,
    /// The objects.
    pub(crate) objects: Objects,
}

/// The right to read the events of one resource, until all its watches are ended.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    key: StorageKey,
    number: u64,
    epoch: u64,
}

/// What a watch finds when it looks.
#[derive(Debug)]
pub(crate) enum Read {
    /// The next events, at least one.
    Events(Vec<Arc<Event>>),
    /// Nothing yet: everything up to this revision has been read, and the waker is registered.
    Waiting(u64),
    /// Events in between are gone.
    Expired(Expired),
    /// All watches of this resource were told to end.
    Ended,
}

/// All objects. Every method takes one short lock; nothing waits while holding it.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    revision: u64,
    first: u64,
    limits: HistoryLimits,
    compacted: u64,
    resources: BTreeMap<StorageKey, Resource>,
    waiting: Wakers,
    next_number: u64,
}

impl State {
    fn resource(&mut self, key: &StorageKey) -> &mut Resource {
        let floor = self.first.max(self.compacted);
        self.resources.entry(key.clone()).or_insert_with(|| Resource::new(floor))
    }

    /// Records an event and says whom to wake for it.
    fn record(&mut self, key: &StorageKey, event: Event) -> Vec<Waker> {
        let limits = self.limits;
        let resource = self.resource(key);
        resource.history.push(Arc::new(event), limits);
        let mut wakers = resource.wakers.take();
        wakers.append(&mut self.waiting.take());
        wakers
    }
}

impl Store {
    /// An empty store whose first write gets the revision after `first`.
    pub(crate) fn new(first: u64, limits: HistoryLimits) -> Self {
        Self {
            state: Mutex::new(State {
                revision: first,
                first,
                limits,
                compacted: 0,
                resources: BTreeMap::new(),
                waiting: Wakers::default(),
                next_number: 0,
            }),
        }
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.state.lock().revision
    }

    /// One object.
    pub(crate) fn get(&self, kind: &Kind, key: &ObjectKey) -> Option<Arc<StoredObject>> {
        let state = self.state.lock();
        let resource = state.resources.get(&kind.storage_key())?;
        resource.objects.get(key.to_string().as_str()).cloned()
    }

    /// All objects of a resource, now.
    pub(crate) fn snapshot(&self, kind: &Kind) -> Snapshot {
        let state = self.state.lock();
        let resource = state.resources.get(&kind.storage_key());
        let objects = resource.map(|resource| resource.objects.clone()).unwrap_or_default();
        Snapshot { revision: state.revision, objects }
    }

    /// All objects of several resources at one moment.
    pub(crate) fn objects_of<const N: usize>(&self, keys: &[StorageKey; N]) -> [Objects; N] {
        let state = self.state.lock();
        keys.each_ref()
            .map(|key| state.resources.get(key).map(|resource| resource.objects.clone()).unwrap_or_default())
    }

    /// All objects of a resource as of a past revision, exactly.
    pub(crate) fn snapshot_at(&self, kind: &Kind, revision: u64) -> Result<Snapshot, Expired> {
        let mut state = self.state.lock();
        let oldest = state.first.max(state.compacted);
        // A version that was not reached yet comes from another server, or from this one before it was restarted.
        if revision < oldest || revision > state.revision {
            return Err(Expired { oldest });
        }
        let resource = state.resource(&kind.storage_key());
        let expired = Expired { oldest: resource.history.floor() };
        let objects = resource.objects_at(revision).ok_or(expired)?;
        Ok(Snapshot { revision, objects })
    }

    /// Keeps a snapshot for the next page of a list.
    pub(crate) fn remember(&self, kind: &Kind, snapshot: &Snapshot) {
        let mut state = self.state.lock();
        state.resource(&kind.storage_key()).remember(snapshot.revision, &snapshot.objects);
    }

    /// Writes an object if its present revision is `expected` (`None`: if there is none), and sets its version.
    pub(crate) fn put(
        &self,
        kind: &Kind,
        key: &ObjectKey,
        expected: Option<u64>,
        object: &mut Value,
    ) -> Result<Arc<StoredObject>, Raced> {
        let wakers;
        let stored;
        {
            let mut state = self.state.lock();
            let revision = state.revision + 1;
            let storage_key = kind.storage_key();
            let resource = state.resource(&storage_key);
            let text: Arc<str> = key.to_string().into();
            let previous = resource.objects.get(&text).cloned();
            if previous.as_ref().map(|object| object.revision()) != expected {
                return Err(Raced);
            }
            stored = Arc::new(StoredObject::new(kind, key, revision, object));
            resource.objects.insert(text, stored.clone());
            state.revision = revision;
            let event = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
            wakers = state.record(&storage_key, Event::new(event, stored.clone(), previous));
        }
        wakers.into_iter().for_each(Waker::wake);
        Ok(stored)
    }

    /// Removes an object if its revision is `expected`; answers its last state with the revision of the removal.
    pub(crate) fn remove(
        &self,
        kind: &Kind,
        key: &ObjectKey,
        expected: u64,
    ) -> Result<Arc<StoredObject>, Raced> {
        let wakers;
        let last;
        {
            let mut state = self.state.lock();
            let revision = state.revision + 1;
            let storage_key = kind.storage_key();
            let resource = state.resource(&storage_key);
            let text = key.to_string();
            let previous = resource.objects.get(text.as_str()).cloned();
            let previous = previous.filter(|object| object.revision() == expected).ok_or(Raced)?;
            resource.objects.remove(text.as_str());
            last = Arc::new(StoredObject::new(kind, key, revision, &mut previous.value(kind)));
            state.revision = revision;
            wakers = state.record(&storage_key, Event::new(EventKind::Deleted, last.clone(), Some(previous)));
        }
        wakers.into_iter().for_each(Waker::wake);
        Ok(last)
    }

    /// A ticket for a new watch.
    pub(crate) fn open_watch(&self, kind: &Kind) -> Ticket {
        let mut state = self.state.lock();
        state.next_number += 1;
        let (number, key) = (state.next_number, kind.storage_key());
        let epoch = state.resource(&key).epoch;
        Ticket { key, number, epoch }
    }

    /// Whether a new watch can begin after `revision`.
    pub(crate) fn check_reach(&self, ticket: &Ticket, revision: u64) -> Result<(), Expired> {
        let oldest = self.state.lock().resource(&ticket.key).history.floor();
        if revision < oldest { Err(Expired { oldest }) } else { Ok(()) }
    }

    /// The events after `after`, at most `limit`. A watch that has read everything up to a revision is not harmed
    /// when that revision is compacted, only when events after it are gone.
    pub(crate) fn read(&self, ticket: &Ticket, after: u64, limit: usize, waker: &Waker) -> Read {
        let mut state = self.state.lock();
        let revision = state.revision;
        let resource = state.resource(&ticket.key);
        if resource.epoch != ticket.epoch {
            let mut rest = resource.history.after(after, limit);
            rest.retain(|event| event.revision() <= resource.last_words);
            return if rest.is_empty() { Read::Ended } else { Read::Events(rest) };
        }
        if after < resource.history.last_dropped() {
            return Read::Expired(Expired { oldest: resource.history.floor() });
        }
        let events = resource.history.after(after, limit);
        if events.is_empty() {
            resource.wakers.register(ticket.number, waker);
            return Read::Waiting(revision);
        }
        Read::Events(events)
    }

    /// Forgets a watch.
    pub(crate) fn close_watch(&self, ticket: &Ticket) {
        if let Some(resource) = self.state.lock().resources.get_mut(&ticket.key) {
            resource.wakers.remove(ticket.number);
        }
    }

    /// Ends all watches of all resources at once, whatever they have not told yet.
    pub(crate) fn break_watches(&self) {
        let mut wakers = Vec::new();
        for resource in self.state.lock().resources.values_mut() {
            resource.epoch += 1;
            resource.last_words = 0;
            wakers.append(&mut resource.wakers.take());
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends all watches of one resource when they have told what happened so far.
    pub(crate) fn end_watches(&self, key: &StorageKey) {
        let mut wakers = Vec::new();
        {
            let mut state = self.state.lock();
            let revision = state.revision;
            if let Some(resource) = state.resources.get_mut(key) {
                resource.epoch += 1;
                resource.last_words = revision;
                wakers.append(&mut resource.wakers.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Forgets the history up to and including `revision`, of all resources.
    pub(crate) fn compact(&self, revision: u64) {
        let mut wakers = Vec::new();
        {
            let mut state = self.state.lock();
            state.compacted = state.compacted.max(revision.min(state.revision));
            let compacted = state.compacted;
            for resource in state.resources.values_mut() {
                resource.compact(compacted);
                wakers.append(&mut resource.wakers.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until the store has reached `revision`. Dropping the future leaves one stale waker until the next write.
    pub(crate) async fn reached(&self, revision: u64) {
        let number = {
            let mut state = self.state.lock();
            state.next_number += 1;
            state.next_number
        };
        poll_fn(|context| {
            let mut state = self.state.lock();
            if state.revision >= revision {
                return Poll::Ready(());
            }
            state.waiting.register(number, context.waker());
            Poll::Pending
        })
        .await;
    }
}
