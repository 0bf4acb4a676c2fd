//! Writes to a store.

use std::any::Any;
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::Store;
use super::shared::Writer;
use crate::cache::contents::{Contents, Objects, compare_keys};
use crate::cache::index::OwnerIndex;
use crate::cache::reflector::WatchEvent;
use crate::cache::{CachedObject, ChangeKind};

/// How many events are written under one lock that readers take.
const CHUNK: usize = 32;

/// What a write changed.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) kind: ChangeKind,
    pub(crate) object: Arc<CachedObject>,
    pub(crate) previous: Option<Arc<CachedObject>>,
}

/// What came of one write. To be dropped when no lock is held: it may hold the last of what was replaced (C-I5).
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) written: Vec<Written>,
    /// Objects that changed nothing.
    dropped: Vec<Arc<CachedObject>>,
    /// The state that a list replaced.
    replaced: Option<Arc<Contents>>,
}

/// The values of an object for each index.
type AllValues = Vec<Box<dyn Any + Send>>;

impl Store {
    /// Applies what a watch said, in order, in steps of a few events; each state in between is one that the server
    /// had. A bookmark takes the version along and shows nowhere else (conformance F18).
    pub(crate) fn apply(&self, events: Vec<WatchEvent>) -> Outcome {
        let writer = self.shared.writer.lock();
        let mut outcome = Outcome { written: Vec::with_capacity(events.len()), ..Outcome::default() };
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            // Users' closures run here, where no reader waits.
            let chunk: Vec<_> = events.by_ref().take(CHUNK).map(|event| writer.prepare(event)).collect();
            // Who waits for a number is woken by a later one; a version that is no number passes (W5).
            let opaque: Vec<_> = chunk.iter().filter_map(|(event, _)| opaque(event)).cloned().collect();
            let version = {
                let mut published = self.shared.published.write();
                let contents = Arc::make_mut(&mut published);
                for (event, values) in chunk {
                    outcome.apply(contents, event, values);
                }
                contents.resource_version.clone()
            };
            for version in opaque.iter().chain([&version]) {
                self.shared.waiting.reach(version);
            }
        }
        self.debug_check(&writer);
        outcome
    }

    /// Replaces everything by a complete list, as one state. Deletions come first, then additions and updates in
    /// the order of the list (conformance F17); an object whose version is unchanged is neither told nor
    /// exchanged, so that its decoded form stays shared. The objects of `unreadable` keys were listed but could
    /// not be read: what was known of them stays.
    ///
    /// The store takes on `version` also where it is lower than its own (C-I3).
    pub(crate) fn replace(
        &self,
        list: Vec<Arc<CachedObject>>,
        unreadable: &[ObjectKey],
        version: &ResourceVersion,
    ) -> Outcome {
        let writer = self.shared.writer.lock();
        let old = self.snapshot().contents;
        let mut next = Contents::clone(&old);
        let mut outcome = Outcome::default();
        let mut sorted: Vec<_> = list.iter().collect();
        sorted.sort_by(|one, two| compare_keys(one.key(), two.key()));
        let has_twins = sorted.windows(2).any(|two| two[0].key() == two[1].key());
        if old.objects.is_empty() && !has_twins {
            writer.fill(&mut next, &sorted);
            outcome.written = list.into_iter().map(Written::added).collect();
        } else {
            for key in gone(&old, &sorted, unreadable) {
                outcome.delete(&mut next, key, None);
            }
            for object in list {
                let values = writer.values(&object);
                outcome.put(&mut next, object, values);
            }
        }
        next.follow(version);
        let next = Arc::new(next);
        // `old` is the same state: its objects are not dropped here.
        *self.shared.published.write() = next;
        outcome.replaced = Some(old);
        self.shared.waiting.reach(version);
        self.debug_check(&writer);
        outcome
    }

    /// Checks C-I4 where that is cheap enough: in debug builds, while there are few objects.
    fn debug_check(&self, _writer: &Writer) {
        #[cfg(debug_assertions)]
        if self.len() <= 64 {
            self.snapshot().contents.check_invariants();
        }
    }
}

/// The version of an event where it is no number.
fn opaque(event: &WatchEvent) -> Option<&ResourceVersion> {
    Some(event.resource_version()).filter(|version| version.number().is_none())
}

/// The keys of objects that are known but not listed. Both sides are in order: one walk over them does.
fn gone<'a>(
    old: &'a Contents,
    listed: &[&Arc<CachedObject>],
    unreadable: &[ObjectKey],
) -> impl Iterator<Item = &'a ObjectKey> {
    let mut unreadable: Vec<_> = unreadable.iter().collect();
    unreadable.sort();
    let mut gone = Vec::new();
    let mut listed = listed.iter().map(|object| object.key()).peekable();
    let mut unreadable = unreadable.into_iter().peekable();
    for known in old.objects.iter().map(|object| object.key()) {
        while listed.next_if(|key| compare_keys(key, known).is_lt()).is_some() {}
        while unreadable.next_if(|key| compare_keys(key, known).is_lt()).is_some() {}
        if listed.peek().is_none_or(|key| *key != known) && unreadable.peek().is_none_or(|key| *key != known)
        {
            gone.push(known);
        }
    }
    gone.into_iter()
}

impl Writer {
    fn values(&self, object: &CachedObject) -> AllValues {
        self.definitions.iter().map(|definition| definition.prepare(object)).collect()
    }

    fn prepare(&self, event: WatchEvent) -> (WatchEvent, AllValues) {
        let values = match &event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => self.values(object),
            WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => Vec::new(),
        };
        (event, values)
    }

    /// Fills empty contents with objects that come in order.
    fn fill(&self, contents: &mut Contents, sorted: &[&Arc<CachedObject>]) {
        let objects = || sorted.iter().copied();
        contents.objects = Objects::from_sorted(objects().cloned());
        contents.owners = OwnerIndex::of(objects());
        contents.indexes =
            self.definitions.iter().map(|definition| Arc::clone(definition).build(&mut objects())).collect();
    }
}

impl Written {
    fn added(object: Arc<CachedObject>) -> Self {
        Self { kind: ChangeKind::Added, object, previous: None }
    }
}

impl Outcome {
    fn apply(&mut self, contents: &mut Contents, event: WatchEvent, values: AllValues) {
        contents.advance(event.resource_version());
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => self.put(contents, object, values),
            WatchEvent::Deleted(object) => {
                let key = object.key().clone();
                self.delete(contents, &key, Some(object));
            }
            WatchEvent::Bookmark(_) => {}
        }
    }

    /// Stores an object unless this version of it is there.
    fn put(&mut self, contents: &mut Contents, mut object: Arc<CachedObject>, values: AllValues) {
        if let Some(known) = contents.get(object.key()) {
            if known.is_same_version(&object) {
                self.dropped.push(object);
                return;
            }
            if let Some(object) = Arc::get_mut(&mut object) {
                object.share_key(known.key());
            }
        }
        let previous = contents.insert(&object, values);
        let kind = if previous.is_some() { ChangeKind::Updated } else { ChangeKind::Added };
        self.written.push(Written { kind, object, previous });
    }

    /// Takes out what is known under a key. `last` is its last state where the server told it.
    fn delete(&mut self, contents: &mut Contents, key: &ObjectKey, last: Option<Arc<CachedObject>>) {
        match contents.remove(key) {
            Some(previous) => {
                let object = last.unwrap_or_else(|| Arc::clone(&previous));
                self.written.push(Written { kind: ChangeKind::Deleted, object, previous: Some(previous) });
            }
            None => self.dropped.extend(last),
        }
    }
}
