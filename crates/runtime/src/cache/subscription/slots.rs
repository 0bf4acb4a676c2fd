//! One change per object, in the order in which the objects first changed.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use pilothouse_machinery::ObjectKey;
use tokio::time::Instant;

use super::filter::Seen;
use crate::cache::{CachedObject, Change, ChangeKind};

/// How many deletions of objects that the subscriber never heard of may wait.
pub(super) const UNSEEN_DELETIONS: usize = 1024;
/// Empty places that may stand between waiting changes before they are closed up.
const SLACK: usize = 64;

/// What waits for a subscriber: at most one change per object.
///
/// - **B-I1** a key has at most one waiting change, found in the table by its key;
/// - **B-I2** what waits is at most one change per object the subscriber has been told of, one per object in the
///   store, and [`UNSEEN_DELETIONS`]: objects that came and went while the subscriber did not look do not pile up.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Places in order; empty where a change was forgotten.
    places: VecDeque<Option<Slot>>,
    /// The number of the first place. Places keep their number.
    first: u64,
    /// The number of the place of a key. Never iterated.
    numbers: HashTable<u64>,
    /// Deletions of objects that the subscriber never heard of: how many, and where, oldest first (may name
    /// places that are none any more).
    unseen: usize,
    unseen_at: VecDeque<u64>,
}

#[derive(Debug)]
struct Slot {
    change: Change,
    /// Whether the subscriber has been told of the object.
    is_known: bool,
    /// Whether the place is named in `unseen_at`.
    is_listed: bool,
    hash: u64,
    since: Instant,
}

impl Slot {
    fn new(seen: Seen<'_>, initial: bool, hash: u64, since: Instant) -> Self {
        let (object, previous) = (Arc::clone(seen.object), seen.previous.cloned());
        let change = Change { kind: seen.kind, object, previous, initial };
        Self { change, is_known: seen.kind != ChangeKind::Added && !initial, is_listed: false, hash, since }
    }

    fn is_unseen_deletion(&self) -> bool {
        !self.is_known && !self.change.initial && self.change.kind == ChangeKind::Deleted
    }

    /// Adds what happened later. A creation followed by a deletion stays visible as a deletion: whoever made the
    /// object may be waiting to hear that it is gone.
    fn merge(&mut self, seen: Seen<'_>) {
        let was_unseen = self.is_unseen_deletion();
        let exists = seen.kind != ChangeKind::Deleted;
        self.change.kind = match (self.is_known, exists) {
            (_, false) => ChangeKind::Deleted,
            (true, true) => ChangeKind::Updated,
            (false, true) => ChangeKind::Added,
        };
        let missed: Arc<CachedObject> = std::mem::replace(&mut self.change.object, Arc::clone(seen.object));
        if was_unseen {
            self.change.previous.get_or_insert(missed);
        }
    }
}

fn hash(key: &ObjectKey) -> u64 {
    // Without a random seed, so that runs repeat; the table's order never shows.
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Slots {
    /// Adds a change to what waits about its object.
    pub(super) fn push(&mut self, seen: Seen<'_>, initial: bool, now: Instant) {
        let key = seen.object.key();
        let hash = hash(key);
        let Self { places, first, numbers, .. } = self;
        let is_it = |number: &u64| slot_at(places, *first, *number).is_some_and(|s| s.change.key() == key);
        let rehash = |number: &u64| slot_at(places, *first, *number).map_or(0, |slot| slot.hash);
        let (number, was_unseen) = match numbers.entry(hash, is_it, rehash) {
            Entry::Occupied(entry) => {
                let number = *entry.get();
                let Some(slot) = slot_at_mut(places, *first, number) else { return };
                let was_unseen = slot.is_unseen_deletion();
                slot.merge(seen);
                (number, was_unseen)
            }
            Entry::Vacant(entry) => {
                let number = *first + places.len() as u64;
                entry.insert(number);
                places.push_back(Some(Slot::new(seen, initial, hash, now)));
                (number, false)
            }
        };
        self.unseen -= usize::from(was_unseen);
        let Some(slot) = slot_at_mut(&mut self.places, self.first, number) else { return };
        if slot.is_unseen_deletion() {
            self.unseen += 1;
            if !std::mem::replace(&mut slot.is_listed, true) {
                self.unseen_at.push_back(number);
            }
            self.forget_unseen();
        }
    }

    /// Forgets the oldest deletions of what the subscriber never heard of, when there are too many.
    fn forget_unseen(&mut self) {
        while self.unseen > UNSEEN_DELETIONS {
            let Some(number) = self.unseen_at.pop_front() else { return };
            let Some(slot) = slot_at_mut(&mut self.places, self.first, number) else { continue };
            slot.is_listed = false;
            if slot.is_unseen_deletion() {
                self.unseen -= 1;
                self.remove(number);
            }
        }
        if self.places.len() > 2 * self.numbers.len() + SLACK {
            self.close_up();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Slot> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let slot = self.places.get_mut(place)?.take()?;
        if let Ok(entry) = self.numbers.find_entry(slot.hash, |known| *known == number) {
            entry.remove();
        }
        Some(slot)
    }

    /// Takes empty places out, so that what was forgotten leaves nothing behind.
    fn close_up(&mut self) {
        self.places.retain(Option::is_some);
        self.numbers.clear();
        self.unseen_at.clear();
        for (slot, number) in self.places.iter_mut().flatten().zip(self.first..) {
            slot.is_listed = slot.is_unseen_deletion();
            if slot.is_listed {
                self.unseen_at.push_back(number);
            }
        }
        let (places, first) = (&self.places, self.first);
        for (slot, number) in places.iter().flatten().zip(first..) {
            let rehash = |number: &u64| slot_at(places, first, *number).map_or(0, |slot| slot.hash);
            self.numbers.insert_unique(slot.hash, number, rehash);
        }
    }

    /// Takes the change that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Change> {
        self.drop_empty_front();
        let slot = self.remove(self.first)?;
        self.unseen -= usize::from(slot.is_unseen_deletion());
        self.drop_empty_front();
        while self.unseen_at.front().is_some_and(|number| *number < self.first) {
            self.unseen_at.pop_front();
        }
        Some(slot.change)
    }

    fn drop_empty_front(&mut self) {
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
    }

    fn front(&self) -> Option<&Slot> {
        self.places.iter().flatten().next()
    }

    /// Whether the next change belongs to the state the subscriber starts from.
    pub(super) fn is_initial(&self) -> bool {
        self.front().is_some_and(|slot| slot.change.initial)
    }

    /// Since when the next change has waited.
    pub(super) fn since(&self) -> Option<Instant> {
        self.front().map(|slot| slot.since)
    }

    /// Whether a change of this object waits.
    pub(super) fn contains(&self, key: &ObjectKey) -> bool {
        let is_it =
            |number: &u64| slot_at(&self.places, self.first, *number).is_some_and(|s| s.change.key() == key);
        self.numbers.find(hash(key), is_it).is_some()
    }

    /// How many changes wait.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn slot_at(places: &VecDeque<Option<Slot>>, first: u64, number: u64) -> Option<&Slot> {
    places.get(usize::try_from(number.checked_sub(first)?).ok()?)?.as_ref()
}

fn slot_at_mut(places: &mut VecDeque<Option<Slot>>, first: u64, number: u64) -> Option<&mut Slot> {
    places.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)?.as_mut()
}
