//! When a breaker opens, and for how long.

use std::time::Duration;

/// When the circuit breaker of a [`Dependency`](super::Dependency) opens, and for how long.
///
/// The terms are those of resilience4j's `CircuitBreakerConfig`; rates are fractions from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerOptions {
    /// How far back calls count. Default one minute. Counted in ten slices: the oldest falls out as a whole.
    pub window: Duration,
    /// Fewer calls than this in the window open nothing. Default 10; 0 counts as 1.
    pub minimum_calls: u32,
    /// Opens when this part of the calls in the window failed. Default one half.
    pub failure_rate: f64,
    /// A call that takes longer is slow, whether it fails or not. Default: none is.
    pub slow_after: Option<Duration>,
    /// Opens when this part of the calls in the window was slow. Default one half.
    pub slow_rate: f64,
    /// How long it stays open the first time; doubles each time that a probe fails. Default 10 s. Stretched by up to a
    /// tenth, so that several replicas do not probe together.
    pub open_for: Duration,
    /// The longest time that it stays open between two probes, before stretching. Default 5 minutes.
    pub open_at_most: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(1),
            minimum_calls: 10,
            failure_rate: 0.5,
            slow_after: None,
            slow_rate: 0.5,
            open_for: Duration::from_secs(10),
            open_at_most: Duration::from_mins(5),
        }
    }
}

impl BreakerOptions {
    /// How long the breaker stays open after `failed_probes` probes in a row have failed, before stretching.
    pub(super) fn open_for(&self, failed_probes: u32) -> Duration {
        self.open_for
            .saturating_mul(2_u32.saturating_pow(failed_probes))
            .min(self.open_at_most.max(self.open_for))
    }
}
