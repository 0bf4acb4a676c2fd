//! What a measurement found.

use std::fmt;

use serde::Serialize;

/// The steps of a measurement and what follows from them. Displays as a table; serializes as JSON, times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TuningReport {
    /// The steps, by number of workers.
    pub steps: Vec<TuningStep>,
    /// What follows.
    pub recommendation: Recommendation,
}

/// What was measured with one number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TuningStep {
    /// How many workers there were.
    pub workers: usize,
    /// Calls that succeeded per second.
    pub per_second: f64,
    /// How many calls that was.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// How often the API server pushed back meanwhile.
    pub push_backs: u64,
    /// The median time of a call that succeeded, in seconds; 0 if none did.
    pub p50: f64,
    /// The 99th percentile, in seconds.
    pub p99: f64,
}

/// How many workers are recommended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// The number; 0 when nothing was measured.
    pub workers: usize,
    /// Why, for people.
    pub why: String,
}

impl fmt::Display for TuningReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "workers  per second    p50 ms    p99 ms    failed  push-backs")?;
        for step in &self.steps {
            let mark = if step.workers == self.recommendation.workers { "  <--" } else { "" };
            let (p50, p99) = (step.p50 * 1000.0, step.p99 * 1000.0);
            writeln!(
                formatter,
                "{:>7}  {:>10.1}  {p50:>8.1}  {p99:>8.1}  {:>8}  {:>10}{mark}",
                step.workers, step.per_second, step.failed, step.push_backs
            )?;
        }
        write!(
            formatter,
            "recommended: {} workers ({})",
            self.recommendation.workers, self.recommendation.why
        )
    }
}
