//! What always holds of a queue.

use std::collections::BTreeSet;

use super::QueueKey;
use super::entries::Request;
use super::state::State;

impl<K: QueueKey> State<K> {
    /// Panics where an invariant of the module does not hold. Does nothing in release builds, and looks only
    /// at small queues: the check walks everything.
    pub(super) fn check_invariants(&self) {
        if !cfg!(debug_assertions) || self.entries.len() > 32 {
            return;
        }
        let in_line: Vec<_> = self.line.iter().collect();
        let distinct: BTreeSet<_> = in_line.iter().copied().collect();
        assert_eq!(in_line.len(), distinct.len(), "Q-I2: a key stands in line once");
        let remembered: BTreeSet<_> = self.pacing.remembered().collect();
        assert_eq!(remembered.len(), self.pacing.remembered().count(), "Q-I4: a key is remembered once");
        let (mut ready, mut waiting, mut in_progress, mut slow) = (0, 0, 0, 0);
        for (slot, entry) in self.entries.iter() {
            let key = &entry.key;
            assert_eq!(self.entries.find(key), Some(slot), "Q-I2: {key:?} has one entry");
            assert_eq!(remembered.contains(&slot), entry.is_remembered, "Q-I4: {key:?} is remembered");
            in_progress += usize::from(entry.started.is_some());
            slow += usize::from(entry.works_slow);
            let stands = distinct.contains(&slot);
            match entry.request {
                Request::None => {
                    let is_kept = entry.started.is_some() || entry.failures > 0 || entry.is_remembered;
                    assert!(is_kept, "Q-I4: {key:?} is kept for nothing");
                    assert!(!stands, "Q-I3: {key:?} stands in line without a request");
                }
                Request::Ready { .. } => {
                    assert_eq!(stands, entry.started.is_none(), "Q-I3: {key:?} in line");
                    ready += usize::from(stands);
                }
                Request::Waiting { due, ticket, .. } => {
                    waiting += 1;
                    assert_eq!(self.waiting.get(&(due, ticket)), Some(&slot), "Q-I2: {key:?} waits once");
                    assert!(!stands, "Q-I3: {key:?} stands in line before its time");
                }
            }
        }
        assert_eq!(self.in_progress, in_progress, "Q-I1: keys in workers' hands");
        assert_eq!(self.waiting.len(), waiting, "Q-I2: waiting requests");
        assert_eq!(self.line.len(), ready, "Q-I3: ready requests");
        assert!(!self.is_closed() || self.waiting.is_empty(), "Q-I2: nothing waits in a closed queue");
        self.line.check(slow);
    }
}
