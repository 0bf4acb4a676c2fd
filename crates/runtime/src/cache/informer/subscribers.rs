//! Who is told what changed.

use std::sync::Weak;

use crate::cache::subscription::ChangeQueue;

/// The subscribers of one informer.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    pub(super) queues: Vec<Weak<ChangeQueue>>,
    pub(super) closed: bool,
}

impl Subscribers {
    /// Calls `tell` for each subscriber there is and forgets those that are gone.
    pub(super) fn each(&mut self, tell: impl Fn(&ChangeQueue)) {
        self.queues.retain(|queue| {
            let queue = queue.upgrade();
            queue.as_deref().inspect(|queue| tell(queue)).is_some()
        });
    }
}
