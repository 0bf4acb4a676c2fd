//! From changes to keys in the queue.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};

use super::context::Shared;
use super::mapping::Source;
use super::parking::Parking;
use crate::queue::WorkQueue;
use crate::{Change, ChangeKind, ObjectKey, Priority, Subscription};

/// How many changes are taken in before others have their turn.
const INTAKE_PER_TURN: u32 = 64;

/// Turns the changes of one source into keys in the queue.
pub(super) struct Pump {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: WorkQueue<ObjectKey>,
    pub(super) parking: Arc<Parking>,
    pub(super) source: Source,
}

impl Pump {
    /// Works until the informer ends. After each turn of bounded length the workers have theirs: however much
    /// comes in, what is in the queue is served meanwhile.
    pub(super) async fn run(self, mut subscription: Subscription) {
        let mut turn = 0;
        while let Some(change) = subscription.next().await {
            self.handle(&change);
            turn += 1;
            if turn == INTAKE_PER_TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
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
        let priority = if change.initial || unchanged { Priority::LOW } else { Priority::NORMAL };
        for key in (self.source.map)(change) {
            let is_working = self.queue.add_observed(key.clone(), priority);
            self.parking.observed(&key, change, self.source.is_main, is_working);
        }
        for key in self.shared.waits.observed(&self.source.resource, change.key()) {
            self.queue.add(key);
        }
        if let Some(key) = self.shared.own_writes.observed(&self.source.resource, change.key()) {
            self.queue.add(key);
        }
    }
}

/// Puts keys from elsewhere into the queue, until the stream ends.
pub(super) async fn pump_keys(
    mut keys: BoxStream<'static, ObjectKey>,
    queue: WorkQueue<ObjectKey>,
    parking: Arc<Parking>,
) {
    let mut turn = 0;
    while let Some(key) = keys.next().await {
        let is_working = queue.add_observed(key.clone(), Priority::NORMAL);
        parking.asked(&key, is_working);
        turn += 1;
        if turn == INTAKE_PER_TURN {
            turn = 0;
            tokio::task::yield_now().await;
        }
    }
}
