//! What a journal counts.

use pilothouse_machinery::ResourceType;

use super::JournalBatch;
use crate::metrics::{CounterFamily, GaugeFamily, Metrics};

#[derive(Clone, Debug)]
pub(super) struct JournalMetrics {
    entries: CounterFamily,
    gaps: CounterFamily,
    sink_failures: CounterFamily,
    waiting: GaugeFamily,
}

impl JournalMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            entries: metrics.counter("pilothouse_journal_entries", "Entries handed to the sink"),
            gaps: metrics.counter("pilothouse_journal_gaps", "Intervals that were not observed, by cause"),
            sink_failures: metrics.counter("pilothouse_journal_sink_failures", "Failed calls of the sink"),
            waiting: metrics.gauge("pilothouse_journal_waiting", "Reads that wait for the sink"),
        }
    }

    pub(super) fn batch(&self, batch: &JournalBatch) {
        let resource = batch.resource.to_string();
        self.entries.with(&[("resource", &resource)]).inc_by(batch.entries.len() as u64);
        if let Some(gap) = &batch.gap {
            self.gaps.with(&[("resource", &resource), ("cause", gap.cause.as_str())]).inc();
        }
    }

    pub(super) fn sink_failure(&self, resource: &ResourceType) {
        self.sink_failures.with(&[("resource", &resource.to_string())]).inc();
    }

    pub(super) fn waiting(&self, resource: &ResourceType, reads: usize) {
        let reads = i64::try_from(reads).unwrap_or(i64::MAX);
        self.waiting.with(&[("resource", &resource.to_string())]).set(reads);
    }
}
