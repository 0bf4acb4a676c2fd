//! The circuit breaker, as a state machine that is told the time.

use std::time::Duration;

use tokio::time::Instant;

use super::options::BreakerOptions;
use super::window::{Tally, Window};

/// Whether the circuit breaker of a dependency lets calls pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All calls pass. So do those of a dependency without a breaker.
    Closed,
    /// No call passes; when the time is over, the next one is the probe.
    Open,
    /// The probe is on its way, and no other call passes.
    HalfOpen,
}

/// Decides which calls pass. Between two changes of its state lies one *period*; a call that ends in another period
/// than it began in decides nothing.
#[derive(Debug)]
pub(super) struct Breaker {
    options: BreakerOptions,
    window: Window,
    state: State,
    period: u64,
    /// Probes that failed in a row.
    failed_probes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// X-I1: the one call of this period is the probe.
    Probing,
}

/// A call that was let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    period: u64,
}

/// Why no call passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The breaker is open until then.
    Open { until: Instant },
    /// The probe is on its way.
    Probing,
}

/// What the end of a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// The breaker opened, until then.
    Opened { until: Instant },
    /// The breaker closed.
    Closed,
}

impl Breaker {
    pub(super) fn new(options: BreakerOptions) -> Self {
        let window = Window::new(options.window);
        Self { options, window, state: State::Closed, period: 0, failed_probes: 0 }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Probing => BreakerState::HalfOpen,
        }
    }

    /// Why a call would not pass now.
    pub(super) fn refusal(&self, now: Instant) -> Option<Refusal> {
        match self.state {
            State::Open { until } if now < until => Some(Refusal::Open { until }),
            State::Probing => Some(Refusal::Probing),
            State::Closed | State::Open { .. } => None,
        }
    }

    /// Lets a call pass, or not. The first one after the open time is the probe.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Pass, Refusal> {
        if let Some(refusal) = self.refusal(now) {
            return Err(refusal);
        }
        if self.state != State::Closed {
            self.change(State::Probing);
        }
        Ok(Pass { period: self.period })
    }

    /// A call has ended. `stretch` (0 to 1) is how much of a tenth an open time is stretched by.
    pub(super) fn leave(
        &mut self,
        pass: Pass,
        failed: bool,
        took: Duration,
        now: Instant,
        stretch: f64,
    ) -> Turn {
        if pass.period != self.period {
            return Turn::None;
        }
        let slow = self.options.slow_after.is_some_and(|after| took > after);
        match self.state {
            State::Probing if failed || slow => {
                self.failed_probes = self.failed_probes.saturating_add(1);
                self.open(now, stretch)
            }
            State::Probing => {
                self.failed_probes = 0;
                self.change(State::Closed);
                Turn::Closed
            }
            State::Closed => {
                let tally = self.window.add(failed, slow, now);
                if self.is_too_much(tally) { self.open(now, stretch) } else { Turn::None }
            }
            State::Open { .. } => Turn::None,
        }
    }

    fn is_too_much(&self, tally: Tally) -> bool {
        let reaches = |part: u32, rate: f64| part > 0 && f64::from(part) >= rate * f64::from(tally.calls);
        tally.calls >= self.options.minimum_calls
            && (reaches(tally.failed, self.options.failure_rate)
                || reaches(tally.slow, self.options.slow_rate))
    }

    fn open(&mut self, now: Instant, stretch: f64) -> Turn {
        let until =
            now + self.options.open_for(self.failed_probes).mul_f64(1.0 + stretch.clamp(0.0, 1.0) / 10.0);
        self.change(State::Open { until });
        Turn::Opened { until }
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.period += 1;
        self.window.clear();
    }
}
