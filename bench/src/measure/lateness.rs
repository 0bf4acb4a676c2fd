//! How late events come that a server sends at a steady pace.

use std::time::{Duration, Instant};

/// Compares arrivals with when they were due.
#[derive(Debug)]
pub(super) struct Lateness {
    first: u64,
    rate: u32,
    started: Instant,
    longest: Duration,
}

impl Lateness {
    /// The event after version `first` is due now, the others follow at this rate; 0: no pace.
    pub(super) fn new(first: u64, rate: u32) -> Self {
        Self { first, rate, started: Instant::now(), longest: Duration::ZERO }
    }

    /// This version is here.
    pub(super) fn note(&mut self, version: u64) {
        if self.rate > 0 && version > self.first {
            let due = Duration::from_secs(version - self.first) / self.rate;
            self.longest = self.longest.max(self.started.elapsed().saturating_sub(due));
        }
    }

    /// The longest delay, in milliseconds.
    pub(super) fn longest_ms(&self) -> u64 {
        u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX)
    }
}
