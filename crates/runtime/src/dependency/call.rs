//! One call of a dependency.

use std::time::Duration;

use pilothouse_machinery::Environment;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout};

use super::breaker::{BreakerState, Pass, Refusal, Turn};
use super::error::Reason;
use super::metrics::Instruments;
use super::{CallError, Dependency, Rejected};
use crate::{Metrics, ObjectKey};

/// How many postponed objects a call that succeeds calls back. With two, their number doubles with each round trip.
const CALLED_BACK: usize = 2;

/// On whose behalf a call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) controller: usize,
    pub(crate) key: &'a ObjectKey,
    pub(crate) environment: &'a Environment,
    pub(crate) metrics: &'a Metrics,
}

/// A call that has been let pass. Dropped before its end, it counts as failed.
struct Flight<'a> {
    dependency: &'a Dependency,
    instruments: &'a Instruments,
    environment: &'a Environment,
    permit: Option<SemaphorePermit<'a>>,
    pass: Option<Pass>,
    began: Instant,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    /// It failed in a way that says nothing about the dependency.
    Blameless,
    TimedOut,
    CutOff,
}

impl Dependency {
    /// Makes a call, if it may be made. `counts` says which failures speak against the dependency.
    ///
    /// **Cancellation.** Dropping the future drops the call, which counts as failed if it had begun.
    pub(crate) async fn call<R, E>(
        &self,
        caller: Caller<'_>,
        counts: impl Fn(&E) -> bool,
        call: impl Future<Output = Result<R, E>>,
    ) -> Result<R, CallError<E>> {
        let mut flight = self.board(caller).await.map_err(CallError::Rejected)?;
        let outcome = match self.settings().timeout {
            None => Ok(call.await),
            Some(limit) => timeout(limit, call).await.map_err(|_| limit),
        };
        let dependency = || self.name().to_owned();
        let (end, outcome) = match outcome {
            Ok(Ok(answer)) => (End::Succeeded, Ok(answer)),
            Ok(Err(source)) => {
                let end = if counts(&source) { End::Failed } else { End::Blameless };
                (end, Err(CallError::Failed { dependency: dependency(), source }))
            }
            Err(after) => (End::TimedOut, Err(CallError::TimedOut { dependency: dependency(), after })),
        };
        flight.end = end;
        outcome
    }

    /// Passes the bulkhead, then the breaker.
    async fn board<'a>(&'a self, caller: Caller<'a>) -> Result<Flight<'a>, Rejected> {
        let instruments = self.instruments(caller.metrics);
        let reject = |reason| {
            let counter = match reason {
                Reason::Open => &instruments.open,
                Reason::Probing => &instruments.probing,
                Reason::Full => &instruments.full,
            };
            counter.inc();
            Rejected { dependency: self.clone(), reason }
        };
        let refused = |refusal| match refusal {
            Refusal::Open { .. } => reject(Reason::Open),
            Refusal::Probing => reject(Reason::Probing),
        };
        // Nobody waits for a place in front of a closed door.
        let refusal = self.change(|state| {
            state.postponed.comes(caller.controller, caller.key);
            state.breaker.as_ref().and_then(|breaker| breaker.refusal(Instant::now()))
        });
        if let Some(refusal) = refusal {
            return Err(refused(refusal));
        }
        let permit = match &self.shared.permits {
            None => None,
            Some(permits) => match self.acquire(permits).await {
                None => return Err(reject(Reason::Full)),
                permit => permit,
            },
        };
        let began = Instant::now();
        let pass = self.change(|state| {
            let pass = state.breaker.as_mut().map(|breaker| breaker.enter(began)).transpose();
            if pass.is_ok() {
                state.postponed.remove(caller.controller, caller.key);
            }
            pass
        });
        let pass = pass.map_err(refused)?;
        instruments.in_flight.inc();
        let environment = caller.environment;
        Ok(Flight { dependency: self, instruments, environment, permit, pass, began, end: End::CutOff })
    }

    async fn acquire<'a>(&self, permits: &'a tokio::sync::Semaphore) -> Option<SemaphorePermit<'a>> {
        let wait = self.settings().wait;
        if wait.is_zero() {
            return permits.try_acquire().ok();
        }
        timeout(wait, permits.acquire()).await.ok()?.ok()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let (now, end, instruments) = (Instant::now(), self.end, self.instruments);
        let counter = match end {
            End::Succeeded => &instruments.succeeded,
            End::Failed | End::Blameless => &instruments.failed,
            End::TimedOut => &instruments.timed_out,
            End::CutOff => &instruments.cut_off,
        };
        counter.inc();
        instruments.in_flight.dec();
        drop(self.permit.take());
        let took = now.saturating_duration_since(self.began);
        let failed = !matches!(end, End::Succeeded | End::Blameless);
        let stretch = if failed { self.environment.random_fraction() } else { 0.0 };
        let room = self.dependency.room();
        let turn = self.dependency.change(|state| {
            let leave =
                |breaker: &mut super::breaker::Breaker, pass| breaker.leave(pass, failed, took, now, stretch);
            let turn = state
                .breaker
                .as_mut()
                .zip(self.pass)
                .map_or(Turn::None, |(breaker, pass)| leave(breaker, pass));
            if matches!(turn, Turn::Opened { .. }) {
                state.postponed.opens();
            }
            let passes = state.breaker.as_ref().is_none_or(|breaker| breaker.state() == BreakerState::Closed);
            if passes {
                // A call that failed calls back for the place that it has left, if places are scarce.
                let most = if failed { usize::from(room < usize::MAX) } else { CALLED_BACK };
                state.postponed.call_back(most.min(room));
            }
            turn
        });
        self.tell(turn, now);
    }
}

impl Flight<'_> {
    fn tell(&self, turn: Turn, now: Instant) {
        let dependency = self.dependency.name();
        match turn {
            Turn::None => {}
            Turn::Opened { until } => {
                let open_for: Duration = until.saturating_duration_since(now);
                tracing::warn!(dependency, ?open_for, "the circuit breaker opens");
            }
            Turn::Closed => tracing::info!(dependency, "the circuit breaker closes"),
        }
    }
}
