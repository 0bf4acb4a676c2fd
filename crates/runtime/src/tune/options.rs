//! What is measured, and what counts as good.

use std::time::Duration;

use crate::Client;

/// A measurement of a workload with growing numbers of workers.
///
/// **Flow.** For each number of workers in turn: that many run the workload, again and again and without a pause, first
/// to warm up, then measured.
///
/// **Guarantees.** In paused time the same workload gives the same report. Calls count that end within the measured
/// time.
///
/// **Assumptions.** The load is real: measure where that hurts nobody.
#[derive(Clone, Debug)]
pub struct Tuning {
    pub(super) steps: Vec<usize>,
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
    pub(super) client: Option<Client>,
    pub(super) tolerance: f64,
    pub(super) longest_p99: Option<Duration>,
}

impl Default for Tuning {
    /// 1, 2, 4, ... 64 workers; two seconds to warm up and ten measured; a tenth below the best is good enough.
    fn default() -> Self {
        Self {
            steps: vec![1, 2, 4, 8, 16, 32, 64],
            warm_up: Duration::from_secs(2),
            measured: Duration::from_secs(10),
            client: None,
            tolerance: 0.1,
            longest_p99: None,
        }
    }
}

impl Tuning {
    /// The numbers of workers to try, in ascending order; zero is left out.
    #[must_use]
    pub fn steps(mut self, workers: impl IntoIterator<Item = usize>) -> Self {
        self.steps = workers.into_iter().filter(|workers| *workers > 0).collect();
        self.steps.sort_unstable();
        self.steps.dedup();
        self
    }

    /// How long each step runs before it is measured, and how long it is measured.
    #[must_use]
    pub fn times(self, warm_up: Duration, measured: Duration) -> Self {
        Self { warm_up, measured, ..self }
    }

    /// Counts how often the API server pushes back (429, 503) on requests of this client, also where the client hides
    /// it by asking again. The measurement ends with the first step in which more than a tenth as many answers were
    /// push-backs as calls succeeded.
    #[must_use]
    pub fn watching(self, client: &Client) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    /// How far below the best throughput is good enough, as a fraction. Default 0.1.
    #[must_use]
    pub fn tolerance(self, fraction: f64) -> Self {
        Self { tolerance: fraction, ..self }
    }

    /// Steps with a longer 99th percentile are not recommended. Default: any is good.
    #[must_use]
    pub fn p99_at_most(self, latency: Duration) -> Self {
        Self { longest_p99: Some(latency), ..self }
    }
}
