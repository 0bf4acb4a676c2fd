//! How honest the logbook is: what it recorded, what it had to infer, what it missed, and how late it was.

use std::collections::BTreeMap;
use std::fmt;

use pilothouse::Metrics;
use pilothouse::metrics::{CounterFamily, HistogramFamily};

use crate::model::JobState;

/// Upper bounds in seconds of how long an observation may take to be on disk.
const LAG_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The logbook's own metrics. Cloning shares them.
#[derive(Clone)]
pub struct LogbookMetrics {
    revisions: CounterFamily,
    transitions: CounterFamily,
    inferred: CounterFamily,
    lost: CounterFamily,
    gaps: CounterFamily,
    gap_milliseconds: CounterFamily,
    lag: HistogramFamily,
    notifications: CounterFamily,
}

/// What one batch brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct BatchCounts {
    pub(crate) revisions: u64,
    pub(crate) gaps: u64,
    pub(crate) gap_milliseconds: u64,
    transitions: BTreeMap<JobState, u64>,
    inferred: u64,
}

impl BatchCounts {
    /// Counts a transition to a state.
    pub(crate) fn add(&mut self, to: JobState, inferred: bool) {
        *self.transitions.entry(to).or_default() += 1;
        self.inferred += u64::from(inferred);
    }
}

impl LogbookMetrics {
    /// The metrics, exported by this registry.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.counter(name, help);
        Self {
            revisions: counter("logbook_revisions", "Versions of objects recorded for the first time."),
            transitions: counter("logbook_transitions", "Changes of job states recorded, by new state."),
            inferred: counter("logbook_transitions_inferred", "Changes of state concluded, not seen."),
            lost: counter("logbook_jobs_lost", "Jobs that ended while nobody watched."),
            gaps: counter("logbook_gaps", "Intervals that were not observed."),
            gap_milliseconds: counter("logbook_gap_milliseconds", "Length of the intervals not observed."),
            lag: metrics.histogram(
                "logbook_commit_lag_seconds",
                "Time from reading a version from the server to having it on disk.",
                LAG_BUCKETS,
            ),
            notifications: counter("logbook_notification_tries", "Tries to deliver, by outcome."),
        }
    }

    pub(crate) fn committed(&self, resource: &str, counts: &BatchCounts, lags: &[f64]) {
        let of_stream = [("resource", resource)];
        self.revisions.with(&of_stream).inc_by(counts.revisions);
        self.gaps.with(&of_stream).inc_by(counts.gaps);
        self.gap_milliseconds.with(&of_stream).inc_by(counts.gap_milliseconds);
        for (state, number) in &counts.transitions {
            self.transitions.with(&[("state", state.as_str())]).inc_by(*number);
        }
        self.inferred.with(&[]).inc_by(counts.inferred);
        self.lost.with(&[]).inc_by(counts.transitions.get(&JobState::Lost).copied().unwrap_or(0));
        let lag = self.lag.with(&of_stream);
        for seconds in lags {
            lag.observe(*seconds);
        }
    }

    pub(crate) fn given_up(&self, destination: &str, number: u64) {
        self.notifications.with(&[("destination", destination), ("outcome", "dead")]).inc_by(number);
    }

    pub(crate) fn tried(&self, destination: &str, outcome: &str) {
        self.notifications.with(&[("destination", destination), ("outcome", outcome)]).inc();
    }
}

impl fmt::Debug for LogbookMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogbookMetrics").finish_non_exhaustive()
    }
}
