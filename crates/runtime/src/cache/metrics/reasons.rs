//! Counters by reason.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// How often something happened, by reason. For what happens seldom: each count takes a lock.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Reasons {
    pub(super) fn count(&self, reason: &'static str) {
        *self.counts.lock().entry(reason).or_default() += 1;
    }

    /// By reason, in the order of the words.
    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        self.counts.lock().iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}
