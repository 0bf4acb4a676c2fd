//! Who waits for the next write.

use std::collections::BTreeMap;
use std::task::Waker;

/// Tasks that wait, each under its own number; woken in the order of the numbers, so that runs repeat exactly.
#[derive(Debug, Default)]
pub(super) struct Wakers(BTreeMap<u64, Waker>);

impl Wakers {
    /// Wakes `waker` at the next change, in place of an earlier one of the same number.
    pub(super) fn register(&mut self, number: u64, waker: &Waker) {
        match self.0.get_mut(&number) {
            Some(known) => known.clone_from(waker),
            None => _ = self.0.insert(number, waker.clone()),
        }
    }

    /// Forgets a task that no longer waits.
    pub(super) fn remove(&mut self, number: u64) {
        self.0.remove(&number);
    }

    /// Takes all, to be woken outside the lock.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}
