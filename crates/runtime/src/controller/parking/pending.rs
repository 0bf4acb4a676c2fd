//! What the ledger has not been told yet.

use std::collections::VecDeque;

use indexmap::IndexSet;
use tokio::time::Instant;

use crate::ObjectKey;
use crate::ledger::{HistoryLine, LedgerIdentity};

/// History lines that may wait; of more the oldest are lost, and counted.
const NOTES: usize = 10_000;
/// Removals that may wait. Of more the ledger is not told: it is written anew.
const REMOVALS: usize = 20_000;

/// What the ledger has not been told. Bounded: changed objects by the table, the rest by itself.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) changed: IndexSet<ObjectKey>,
    pub(super) removed: IndexSet<LedgerIdentity>,
    pub(super) notes: VecDeque<HistoryLine>,
    pub(super) done: Vec<String>,
    /// The ledger holds something else than we believe: it is to be cleared and told everything.
    pub(super) rewrite: bool,
    /// Since when the oldest of this waits.
    since: Option<Instant>,
    /// Since when the oldest of what is being written has waited.
    writing: Option<Instant>,
    /// History lines lost since the last look.
    lost: u64,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.removed.is_empty()
            && self.notes.is_empty()
            && self.done.is_empty()
            && !self.rewrite
    }

    /// How many changes wait.
    pub(super) fn len(&self) -> usize {
        self.changed.len() + self.removed.len() + self.notes.len() + self.done.len()
    }

    pub(super) fn change(&mut self, key: ObjectKey, now: Instant) {
        self.since.get_or_insert(now);
        self.changed.insert(key);
    }

    pub(super) fn remove(&mut self, identity: LedgerIdentity, now: Instant) {
        self.since.get_or_insert(now);
        if self.rewrite {
            return;
        }
        self.removed.insert(identity);
        if self.removed.len() > REMOVALS {
            self.rewrite_all(now);
        }
    }

    pub(super) fn note(&mut self, line: HistoryLine, now: Instant) {
        self.since.get_or_insert(now);
        self.notes.push_back(line);
        self.bound_notes();
    }

    /// Puts lines back that were not written.
    pub(super) fn note_again(&mut self, lines: impl DoubleEndedIterator<Item = HistoryLine>) {
        for line in lines.rev() {
            self.notes.push_front(line);
        }
        self.bound_notes();
    }

    fn bound_notes(&mut self) {
        while self.notes.len() > NOTES {
            self.notes.pop_front();
            self.lost += 1;
        }
    }

    pub(super) fn rewrite_all(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.rewrite = true;
        self.removed.clear();
    }

    pub(super) fn done(&mut self, id: String, now: Instant) {
        self.since.get_or_insert(now);
        self.done.push(id);
    }

    /// Everything that waits is being written from now on, if `all`; else a part of it.
    pub(super) fn writes(&mut self, all: bool) {
        self.writing = self.since;
        if all {
            self.since = None;
        }
    }

    /// What was being written is written, or waits again.
    pub(super) fn wrote(&mut self, is_written: bool) {
        let began = self.writing.take();
        if !is_written {
            self.since = began.or(self.since);
        }
    }

    /// Since when the oldest change waits that is not written.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.writing.or(self.since)
    }

    /// How many history lines were lost since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
