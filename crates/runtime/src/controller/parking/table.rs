//! The failing objects of one controller, and the changes of them that the ledger is to be told.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use tokio::time::Instant;

use super::pending::Pending;
use crate::ledger::{LedgerChange, LedgerIdentity, LedgerRecord};
use crate::{ObjectKey, Priority};

/// How many changes are written at once, unless everything is.
const BATCH: usize = 1000;

/// One failing object.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Arc<LedgerRecord>,
    pub(super) failed_at: Instant,
    /// Before when it is not tried again: the delay that an earlier process gave it.
    pub(super) not_before: Option<Instant>,
    /// Whether the ledger holds exactly this.
    pub(super) is_written: bool,
    /// Whether the ledger may hold something of this identity.
    may_be_stored: bool,
    /// A request that waits until this is written.
    pub(super) waiting: Option<Priority>,
}

#[derive(Debug)]
pub(super) struct Table {
    entries: IndexMap<ObjectKey, Entry>,
    parked: usize,
    at_most: usize,
    /// Keys of which a change came while they were worked on, and a request waits.
    pub(super) touched: IndexSet<ObjectKey>,
    pub(super) pending: Pending,
}

impl Table {
    pub(super) fn new(at_most: usize) -> Self {
        let (entries, touched, pending) = Default::default();
        Self { entries, parked: 0, at_most, touched, pending }
    }

    /// How many keys there is anything to know of.
    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.touched.len()
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &ObjectKey) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Arc<LedgerRecord>> {
        self.entries.values().map(|entry| &entry.record)
    }

    /// Whether one more may be parked, `key` itself counted out.
    pub(super) fn has_room_to_park(&self, key: &ObjectKey) -> bool {
        let is_parked = self.entries.get(key).is_some_and(|entry| entry.record.is_parked());
        self.parked - usize::from(is_parked) < self.at_most
    }

    /// Whether one more that is tried again may be kept.
    pub(super) fn has_room_to_retry(&self) -> bool {
        self.entries.len() - self.parked < self.at_most
    }

    /// Keeps a record; one of an object that is tried again only where there is room (D-I4).
    pub(super) fn put(&mut self, record: LedgerRecord, now: Instant) -> bool {
        let key = record.identity.key.clone();
        self.remove(&key, now);
        if !record.is_parked() && !self.has_room_to_retry() {
            return false;
        }
        // What is written in its place needs no removal before.
        let may_be_stored = self.pending.removed.swap_remove(&record.identity);
        self.insert(record, now, may_be_stored);
        self.pending.change(key, now);
        self.check_invariants();
        true
    }

    /// Keeps a record that the ledger holds.
    pub(super) fn restore(&mut self, record: LedgerRecord, not_before: Option<Instant>, now: Instant) {
        let key = record.identity.key.clone();
        self.insert(record, now, true);
        if let Some(entry) = self.entries.get_mut(&key) {
            (entry.is_written, entry.not_before) = (true, not_before);
        }
        self.check_invariants();
    }

    fn insert(&mut self, record: LedgerRecord, now: Instant, may_be_stored: bool) {
        self.parked += usize::from(record.is_parked());
        let key = record.identity.key.clone();
        let record = Arc::new(record);
        let (not_before, waiting, is_written) = (None, None, false);
        let entry = Entry { record, failed_at: now, not_before, is_written, may_be_stored, waiting };
        self.entries.insert(key, entry);
    }

    /// Forgets a key, and lets the ledger forget it (D-I3).
    pub(super) fn remove(&mut self, key: &ObjectKey, now: Instant) -> Option<Entry> {
        let entry = self.entries.swap_remove(key)?;
        self.parked -= usize::from(entry.record.is_parked());
        self.pending.changed.swap_remove(key);
        if entry.may_be_stored {
            self.pending.remove(entry.record.identity.clone(), now);
        }
        Some(entry)
    }

    /// The next changes to write, if there are any.
    pub(super) fn take_batch(&mut self, controller: &Arc<str>) -> Option<Vec<LedgerChange>> {
        if self.pending.is_empty() {
            return None;
        }
        let mut changes = Vec::new();
        let pending = &mut self.pending;
        if std::mem::take(&mut pending.rewrite) {
            changes.push(LedgerChange::Clear { controller: Arc::clone(controller) });
            pending.changed = self.entries.keys().cloned().collect();
            pending.removed.clear();
        }
        let limit = if changes.is_empty() { BATCH } else { usize::MAX };
        // Removals first: an identity that is on both lists is to be there in the end.
        let removed = pending.removed.drain(..limit.min(pending.removed.len()));
        changes.extend(removed.map(LedgerChange::Remove));
        for key in pending.changed.drain(..limit.min(pending.changed.len())) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.may_be_stored = true;
                changes.push(LedgerChange::Put(Arc::clone(&entry.record)));
            }
        }
        let notes = pending.notes.drain(..limit.min(pending.notes.len()));
        changes.extend(notes.map(LedgerChange::Note));
        changes.extend(pending.done.drain(..).map(|id| LedgerChange::Done { id }));
        let is_all = self.pending.is_empty();
        self.pending.writes(is_all);
        Some(changes)
    }

    /// These changes are written: the requests that have waited for it.
    pub(super) fn written(&mut self, changes: &[LedgerChange]) -> Vec<(ObjectKey, Priority)> {
        self.pending.wrote(true);
        let mut waiting = Vec::new();
        for change in changes {
            let LedgerChange::Put(record) = change else { continue };
            let key = &record.identity.key;
            if let Some(entry) = self.entries.get_mut(key)
                && Arc::ptr_eq(&entry.record, record)
            {
                entry.is_written = true;
                waiting.extend(entry.waiting.take().map(|priority| (key.clone(), priority)));
            }
        }
        waiting
    }

    /// These changes may not be written: they wait again. So do not the requests that have waited for it.
    pub(super) fn not_written(
        &mut self,
        changes: Vec<LedgerChange>,
        now: Instant,
    ) -> Vec<(ObjectKey, Priority)> {
        self.pending.wrote(false);
        let mut notes = Vec::new();
        for change in changes {
            match change {
                LedgerChange::Put(record) if self.entries.contains_key(&record.identity.key) => {
                    self.pending.change(record.identity.key.clone(), now);
                }
                LedgerChange::Remove(identity) => self.remove_again(identity, now),
                LedgerChange::Clear { .. } => self.pending.rewrite_all(now),
                LedgerChange::Note(line) => notes.push(line),
                LedgerChange::Done { id } => self.pending.done(id, now),
                _ => {}
            }
        }
        self.pending.note_again(notes.into_iter());
        let entries = self.entries.iter_mut();
        entries.filter_map(|(key, entry)| Some((key.clone(), entry.waiting.take()?))).collect()
    }

    fn remove_again(&mut self, identity: LedgerIdentity, now: Instant) {
        match self.entries.get_mut(&identity.key).filter(|entry| entry.record.identity == identity) {
            // It has failed again since: that will be written in its place. Until then the ledger holds the old.
            Some(entry) => entry.may_be_stored = true,
            None => self.pending.remove(identity, now),
        }
    }

    /// The invariants of the [module](super), in debug builds.
    fn check_invariants(&self) {
        if cfg!(debug_assertions) && self.entries.len() <= 64 {
            let parked = self.entries.values().filter(|entry| entry.record.is_parked()).count();
            assert_eq!(parked, self.parked, "D-I4");
            assert!(self.parked <= self.at_most && self.entries.len() - parked <= self.at_most, "D-I4");
            let own = |(key, entry): (&ObjectKey, &Entry)| *key == entry.record.identity.key;
            assert!(self.entries.iter().all(own), "D-I1");
            let is_kept = |identity: &LedgerIdentity| {
                self.entries.get(&identity.key).is_some_and(|entry| entry.record.identity == *identity)
            };
            assert!(!self.pending.removed.iter().any(is_kept), "D-I3: nothing is removed that is kept");
        }
    }
}
