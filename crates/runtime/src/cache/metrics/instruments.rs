//! What one informer or reflector counts in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use super::reasons::Reasons;
use crate::cache::IntakeMetrics;
use crate::cache::reflector::WatchEvent;

/// client-go's buckets for `informer_processing_latency_seconds`.
const LATENCY_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Nothing has been heard yet.
const NEVER: u64 = u64::MAX;

/// The types of events, in the order of the counters.
pub(super) const EVENT_TYPES: [&str; 4] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/// What goes on counting when an informer of the same identity starts again (C-I18).
pub(super) struct Totals {
    pub(super) lists: Reasons,
    pub(super) watches: AtomicU64,
    pub(super) watch_restarts: Reasons,
    pub(super) events: [AtomicU64; EVENT_TYPES.len()],
    pub(super) skipped: Reasons,
    pub(super) failures: Reasons,
    pub(super) unreadable: Reasons,
    pub(super) history_resets: AtomicU64,
    pub(super) latency: Histogram,
    pub(super) intake: IntakeMetrics,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            lists: Reasons::default(),
            watches: AtomicU64::default(),
            watch_restarts: Reasons::default(),
            events: Default::default(),
            skipped: Reasons::default(),
            failures: Reasons::default(),
            unreadable: Reasons::default(),
            history_resets: AtomicU64::default(),
            latency: Histogram::new(LATENCY_SECONDS),
            intake: IntakeMetrics::default(),
        }
    }
}

/// What one informer, or a reflector without one, counts in.
pub(crate) struct Instruments {
    pub(super) totals: Arc<Totals>,
    pub(super) intake: IntakeMetrics,
    started: Instant,
    /// When the server last said anything: nanoseconds since the start.
    heard: AtomicU64,
}

impl Instruments {
    pub(super) fn new(totals: Arc<Totals>) -> Self {
        let intake = totals.intake.with_new_gauges();
        Self { totals, intake, started: Instant::now(), heard: AtomicU64::new(NEVER) }
    }

    /// Where the intake counts.
    pub(in crate::cache) fn intake(&self) -> &IntakeMetrics {
        &self.intake
    }

    /// The server said something of the objects: a piece of a list, events, a bookmark.
    pub(in crate::cache) fn heard(&self, now: Instant) {
        let since =
            u64::try_from(now.saturating_duration_since(self.started).as_nanos()).unwrap_or(NEVER - 1);
        self.heard.store(since, Ordering::Relaxed);
    }

    /// For how long the server has said nothing; nothing where it never did.
    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed);
        let since = now.saturating_duration_since(self.started);
        (heard != NEVER).then(|| since.saturating_sub(Duration::from_nanos(heard)))
    }

    /// A list was begun.
    pub(in crate::cache) fn list(&self, reason: &'static str) {
        self.totals.lists.count(reason);
    }

    /// A watch was opened.
    pub(in crate::cache) fn watch(&self) {
        self.totals.watches.fetch_add(1, Ordering::Relaxed);
    }

    /// A watch was over, so that there must be another, or a list.
    pub(in crate::cache) fn watch_over(&self, reason: &'static str) {
        self.totals.watch_restarts.count(reason);
    }

    /// A batch of events came.
    pub(in crate::cache) fn watched(&self, events: &[WatchEvent]) {
        let mut counts = [0_u64; EVENT_TYPES.len()];
        for event in events {
            let index = match event {
                WatchEvent::Added(_) => 0,
                WatchEvent::Modified(_) => 1,
                WatchEvent::Deleted(_) => 2,
                WatchEvent::Bookmark(_) => 3,
            };
            counts[index] += 1;
        }
        for (total, count) in self.totals.events.iter().zip(counts).filter(|(_, count)| *count > 0) {
            total.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// An event or an item of a list was no object of the type.
    pub(in crate::cache) fn skip(&self, reason: &'static str) {
        self.totals.skipped.count(reason);
    }

    /// A list or a watch failed.
    pub(in crate::cache) fn failure(&self, reason: &'static str) {
        self.totals.failures.count(reason);
    }

    /// A read met an object that does not fit the type asked for.
    pub(in crate::cache) fn unreadable(&self, reason: &'static str) {
        self.totals.unreadable.count(reason);
    }

    /// A list took the store back to an earlier version.
    pub(in crate::cache) fn history_reset(&self) {
        self.totals.history_resets.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch, or a list, was written to the store and told to subscribers.
    pub(in crate::cache) fn processed(&self, begun: Instant) {
        self.totals.latency.observe(begun.elapsed().as_secs_f64());
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Instruments").field("started", &self.started).finish_non_exhaustive()
    }
}
