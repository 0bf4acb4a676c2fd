//! Where the entries are.

use std::cmp::Ordering;
use std::ops::Deref;

use super::node::{Entry, FEW, MOST};

/// Entries in the order of their keys, at most [`MOST`].
///
/// The tags stand together: to find an entry among cold ones is to read these, and then the one that is found, where
/// a search by order would wait for memory at each entry that it compares with.
pub(super) struct Leaf<E: Entry> {
    /// The tag of each entry, in the same order; beyond the last, whatever was there.
    tags: [E::Tag; MOST],
    entries: Vec<E>,
}

impl<E: Entry> Clone for Leaf<E> {
    fn clone(&self) -> Self {
        Self { tags: self.tags, entries: self.entries.clone() }
    }
}

impl<E: Entry> Default for Leaf<E> {
    fn default() -> Self {
        Self { tags: [E::Tag::default(); MOST], entries: Vec::new() }
    }
}

impl<E: Entry> Deref for Leaf<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        &self.entries
    }
}

impl<E: Entry> Leaf<E> {
    /// Of at most [`MOST`] entries that come in order.
    pub(super) fn of(entries: Vec<E>) -> Self {
        let mut tags = [E::Tag::default(); MOST];
        for (tag, entry) in tags.iter_mut().zip(&entries) {
            *tag = E::tag(entry.key());
        }
        Self { tags, entries }
    }

    /// Where the entry of this key is.
    pub(super) fn find(&self, key: &E::Key, tag: E::Tag) -> Option<usize> {
        if size_of::<E::Tag>() == 0 {
            return self.place(|known| E::compare(known, key)).ok();
        }
        let mut candidates = self.tags.iter().zip(&self.entries);
        candidates.position(|(known, entry)| *known == tag && E::compare(entry.key(), key).is_eq())
    }

    /// Where the entry is for which `probe` says equal, or where it would have to be.
    pub(super) fn place(&self, probe: impl Fn(&E::Key) -> Ordering) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| probe(entry.key()))
    }

    /// Puts an entry in the place of one with the same key, which is returned.
    pub(super) fn replace(&mut self, at: usize, entry: E) -> E {
        std::mem::replace(&mut self.entries[at], entry)
    }

    /// Adds an entry where there is room.
    pub(super) fn insert(&mut self, at: usize, entry: E) {
        let len = self.entries.len();
        self.tags.copy_within(at..len, at + 1);
        self.tags[at] = E::tag(entry.key());
        if len == self.entries.capacity() {
            // Twice the room would be half empty for good.
            self.entries.reserve_exact(FEW.min(MOST - len));
        }
        self.entries.insert(at, entry);
    }

    pub(super) fn remove(&mut self, at: usize) -> E {
        self.tags.copy_within(at + 1.., at);
        self.entries.remove(at)
    }

    /// Keeps the entries before `at` and returns the others.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let right = self.entries.split_off(at);
        self.entries.shrink_to_fit();
        Self::of(right)
    }

    /// Panics where a tag is not its entry's.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        let mut tags = self.tags.iter().zip(&self.entries);
        assert!(tags.all(|(tag, entry)| *tag == E::tag(entry.key())), "a tag is that of its entry");
    }
}
