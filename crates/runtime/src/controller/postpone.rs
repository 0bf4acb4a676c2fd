//! Objects whose reconcile needs something that is not there.

use std::sync::Arc;

use super::Reconciler;
use super::error::chain;
use super::worker::Work;
use crate::ObjectKey;
use crate::dependency::Rejected;
use crate::queue::QueueItem;

impl<R: Reconciler> Work<R> {
    /// Lets the object wait. That is no failure and no success: what is known of its failures stays (A7).
    pub(super) fn postpone(&self, item: &QueueItem<ObjectKey>, rejected: &Rejected) {
        let (key, priority) = (item.key(), item.priority());
        let number = Arc::as_ptr(&self.shared).addr();
        let delay = rejected.dependency().postpone(rejected, number, key, &self.queue, priority);
        // It may have been called back already: then this changes nothing.
        self.queue.add_after_with(key.clone(), delay, priority);
        self.instruments.postponed.inc();
        self.instruments.requeue_after.inc();
        let controller = &self.shared.controller;
        tracing::debug!(controller, %key, ?delay, error = chain(rejected), "reconcile postponed");
    }
}
