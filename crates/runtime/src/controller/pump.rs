//! From changes to keys in the queue.

use std::sync::Arc;

use super::context::Shared;
use super::mapping::Source;
use crate::queue::WorkQueue;
use crate::{Change, ChangeKind, ObjectKey, Priority, Subscription};

/// Turns the changes of one source into keys in the queue.
pub(super) struct Pump {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: WorkQueue<ObjectKey>,
    pub(super) source: Source,
}

impl Pump {
    /// Works until the informer ends.
    pub(super) async fn run(self, mut subscription: Subscription) {
        while let Some(change) = subscription.next().await {
            self.handle(&change);
        }
    }

    fn handle(&self, change: &Change) {
        if self.source.is_main {
            self.shared.note_presence(change.key(), change.kind != ChangeKind::Deleted);
        }
        // What nobody waits for: the initial list, and changes that change nothing (C14), resyncs among them.
        let unchanged = change.previous.as_ref().is_some_and(|before| {
            change.kind == ChangeKind::Resync
                || (change.kind == ChangeKind::Updated && before.is_same_version(&change.object))
        });
        let priority = if change.initial || unchanged { Priority::Low } else { Priority::Normal };
        for key in (self.source.map)(change) {
            self.queue.add_with(key, priority);
        }
        if let Some(key) = self.shared.own_writes.observed(&self.source.resource, change.key()) {
            self.queue.add(key);
        }
    }
}
