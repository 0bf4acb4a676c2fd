//! The recent past of one resource.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Event, HistoryLimits};

/// The events of one resource after `floor`, oldest first.
#[derive(Debug)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    floor: u64,
    last_dropped: u64,
}

impl History {
    /// An empty history that is complete after `floor`.
    pub(super) fn new(floor: u64) -> Self {
        Self { events: VecDeque::new(), bytes: 0, floor, last_dropped: 0 }
    }

    /// The revision after which nothing is missing (invariant S-I3).
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// The revision of the newest event that was dropped; 0 if none was.
    pub(super) fn last_dropped(&self) -> u64 {
        self.last_dropped
    }

    /// Appends an event and drops the oldest ones that exceed `limits`. The newest one always stays.
    pub(super) fn push(&mut self, event: Arc<Event>, limits: HistoryLimits) {
        debug_assert!(
            self.events.back().is_none_or(|last| last.revision() < event.revision()),
            "invariant S-I1: revisions rise"
        );
        self.bytes += event.object.size();
        self.events.push_back(event);
        let exceeds = |history: &Self| {
            limits.max_events.is_some_and(|most| history.events.len() > most)
                || limits.max_bytes.is_some_and(|most| history.bytes > most)
        };
        while self.events.len() > 1 && exceeds(self) {
            self.drop_oldest();
        }
    }

    /// Forgets everything up to and including `revision`.
    pub(super) fn compact(&mut self, revision: u64) {
        while self.events.front().is_some_and(|event| event.revision() <= revision) {
            self.drop_oldest();
        }
        self.floor = self.floor.max(revision);
    }

    fn drop_oldest(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.object.size();
            self.last_dropped = event.revision();
            self.floor = self.floor.max(self.last_dropped);
        }
    }

    /// Up to `limit` events after `revision`, oldest first.
    pub(super) fn after(&self, revision: u64, limit: usize) -> Vec<Arc<Event>> {
        let start = self.events.partition_point(|event| event.revision() <= revision);
        self.events.range(start..).take(limit).cloned().collect()
    }

    /// The events after `revision`, newest first.
    pub(super) fn back_to(&self, revision: u64) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter().rev().take_while(move |event| event.revision() > revision)
    }
}
