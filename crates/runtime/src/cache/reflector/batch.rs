//! What was read in one go.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{ReflectorEvent, ReflectorMetrics, WatchEvent};
use crate::cache::CachedObject;

/// Objects and events that were ready together. They go on together, so that whoever keeps them writes once.
#[derive(Default)]
pub(super) struct Batch {
    /// Objects of the initial state.
    pub(super) items: Vec<Arc<CachedObject>>,
    /// What the watch said.
    pub(super) events: Vec<WatchEvent>,
    /// How many bytes these were.
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.items.len() + self.events.len()
    }

    /// Hands over what is there.
    pub(super) fn flush(&mut self, ready: &mut VecDeque<ReflectorEvent>, metrics: &ReflectorMetrics) {
        if !self.items.is_empty() {
            ready.push_back(ReflectorEvent::ListItems(std::mem::take(&mut self.items)));
        }
        if !self.events.is_empty() {
            metrics.watched(&self.events);
            ready.push_back(ReflectorEvent::Watched(std::mem::take(&mut self.events)));
        }
        self.bytes = 0;
    }
}
