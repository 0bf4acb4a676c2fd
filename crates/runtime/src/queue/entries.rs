//! What the queue knows of each key: entries in slots, found by key.

use hashbrown::HashTable;
use slab::Slab;

use super::flow::hash_of;
use super::time::Time;
use super::{Priority, QueueKey};

/// The number of an entry; valid as long as the entry is kept.
pub(super) type Slot = u32;

/// As an index.
pub(super) fn index(slot: Slot) -> usize {
    slot as usize
}

/// As a number of half the size.
#[expect(clippy::cast_possible_truncation, reason = "memory ends long before four billion entries")]
pub(super) fn number(index: usize) -> u32 {
    debug_assert!(u32::try_from(index).is_ok());
    index as u32
}

#[derive(Debug)]
pub(super) struct Entry<K> {
    pub(super) key: K,
    hash: u64,
    pub(super) request: Request,
    /// Since when a worker holds the key.
    pub(super) started: Option<Time>,
    pub(super) pace: Pace,
    pub(super) failures: u32,
    /// Whether the request stands in the slow lane.
    pub(super) stands_slow: bool,
    /// Whether the worker that holds the key took it from the slow lane.
    pub(super) works_slow: bool,
    /// Whether the key is remembered for its pace.
    pub(super) is_remembered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    None,
    Ready {
        since: Time,
        priority: Priority,
    },
    Waiting {
        due: Time,
        ticket: u64,
        priority: Priority,
        /// Whether it holds a token of the bucket.
        token: bool,
    },
}

/// When a key was served lately; only kept where an option asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When it was last handed out.
    pub(super) last: Option<Time>,
    /// Until when it would rest had it kept to the limit for hot keys (the "theoretical arrival time" of the
    /// generic cell rate algorithm).
    pub(super) heat: Time,
}

impl<K> Entry<K> {
    fn is_idle(&self) -> bool {
        self.request == Request::None && self.started.is_none() && self.failures == 0 && !self.is_remembered
    }
}

#[derive(Debug)]
pub(super) struct Entries<K> {
    slots: Slab<Entry<K>>,
    by_key: HashTable<Slot>,
}

impl<K: QueueKey> Entries<K> {
    pub(super) fn new() -> Self {
        Self { slots: Slab::new(), by_key: HashTable::new() }
    }

    /// The slot of a key, which is new when the key was not known.
    pub(super) fn slot(&mut self, key: K) -> Slot {
        let hash = hash_of(&key);
        let slots = &self.slots;
        if let Some(slot) = self.by_key.find(hash, |slot| slots[index(*slot)].key == key) {
            return *slot;
        }
        let slot = number(self.slots.insert(Entry {
            key,
            hash,
            request: Request::None,
            started: None,
            pace: Pace::default(),
            failures: 0,
            stands_slow: false,
            works_slow: false,
            is_remembered: false,
        }));
        let slots = &self.slots;
        self.by_key.insert_unique(hash, slot, |slot| slots[index(*slot)].hash);
        slot
    }

    pub(super) fn find(&self, key: &K) -> Option<Slot> {
        self.by_key.find(hash_of(key), |slot| self.slots[index(*slot)].key == *key).copied()
    }

    /// Forgets an entry about which there is nothing to know (Q-I4).
    pub(super) fn release(&mut self, slot: Slot) {
        let Some(entry) = self.slots.get(index(slot)).filter(|entry| entry.is_idle()) else {
            return;
        };
        if let Ok(found) = self.by_key.find_entry(entry.hash, |other| *other == slot) {
            found.remove();
        }
        self.slots.remove(index(slot));
        if self.slots.is_empty() {
            self.give_back_memory();
        }
    }

    /// After a burst: an empty queue keeps the room of a small one.
    fn give_back_memory(&mut self) {
        const SMALL: usize = 1024;
        if self.slots.capacity() > SMALL {
            self.slots = Slab::with_capacity(SMALL);
            self.by_key = HashTable::new();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Entry<K>)> {
        self.slots.iter().map(|(slot, entry)| (number(slot), entry))
    }
}

impl<K> std::ops::Index<Slot> for Entries<K> {
    type Output = Entry<K>;

    fn index(&self, slot: Slot) -> &Entry<K> {
        &self.slots[index(slot)]
    }
}

impl<K> std::ops::IndexMut<Slot> for Entries<K> {
    fn index_mut(&mut self, slot: Slot) -> &mut Entry<K> {
        &mut self.slots[index(slot)]
    }
}
