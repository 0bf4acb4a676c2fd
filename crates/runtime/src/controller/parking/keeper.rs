//! Between a parking and the ledger: reads once, writes what changes, does what it is asked to.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pilothouse_machinery::Environment;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::handle::Parking;
use crate::Shutdown;
use crate::controller::chain;
use crate::ledger::{Ledger, LedgerChange, LedgerError, Verb};
use crate::manager::{BoxError, Readiness};
use crate::queue::Retry;

/// How long a controller waits at its start for what an earlier process has left.
const READ_TIME: Duration = Duration::from_secs(10);
/// How long one write may take.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How often a durable ledger is asked for commands.
const ASK: Duration = Duration::from_secs(2);
/// How often the lag is shown while a write takes long.
const LOOK: Duration = Duration::from_secs(1);
/// How long the last write may take when the controller ends.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Keeps the ledger of one controller.
pub(in crate::controller) struct Keeper {
    parking: Arc<Parking>,
    ledger: Arc<dyn Ledger>,
    readiness: Readiness,
    environment: Environment,
    /// Its line under `/readyz`.
    part: String,
    failures: u64,
}

/// What took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct TooSlow(Duration);

impl Keeper {
    pub(in crate::controller) fn new(
        parking: Arc<Parking>,
        ledger: Arc<dyn Ledger>,
        readiness: Readiness,
        environment: Environment,
    ) -> Self {
        let part = format!("ledger of {}", parking.controller);
        Self { parking, ledger, readiness, environment, part, failures: 0 }
    }

    /// Takes over what an earlier process has left. Without an answer within ten seconds the controller starts
    /// without it; the ledger is written anew when it answers.
    pub(in crate::controller) async fn read(&mut self) {
        let controller = Arc::clone(&self.parking.controller);
        match within(READ_TIME, "read", self.ledger.records(Some(&controller))).await {
            Ok(records) => {
                self.parking.restore(records);
                self.parking.is_gated.store(self.ledger.is_durable(), Ordering::Relaxed);
            }
            Err(error) => {
                self.failed(&error, "read");
                self.parking.with(|table| table.pending.rewrite_all(Instant::now()));
            }
        }
    }

    /// Writes what changes until `end`; then what is left, if that takes no longer than two seconds.
    pub(in crate::controller) async fn run(mut self, end: Shutdown) {
        tokio::select! {
            biased;
            () = end.requested() => {}
            () = self.keep() => {}
        }
        if timeout(LAST_WRITE, self.write()).await != Ok(true) {
            let left = self.parking.with(|table| table.pending.len());
            tracing::warn!(controller = %self.parking.controller, left, "the ledger misses the last changes");
        }
        self.readiness.remove(&self.part);
        self.parking.instruments.end();
    }

    /// Writes what changes, and does what it is asked to. Dropped at any point, it loses nothing: what was being
    /// written waits again.
    async fn keep(&mut self) {
        // Not at once: what was parked is passed over when the first lists are worked off, and then may be dropped.
        let mut next_ask = Instant::now() + ASK;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(next_ask), if self.ledger.is_durable() => {
                    self.obey().await;
                    next_ask = Instant::now() + ASK;
                }
                () = self.parking.changed.notified() => {}
            }
            while !self.write().await {
                let pause = Retry::exponential()
                    .starting_at(Duration::from_millis(100))
                    .at_most(Duration::from_secs(30))
                    .delay(self.failures.saturating_sub(1));
                self.rest(self.environment.jittered(pause, 0.2)).await;
            }
        }
    }

    /// Pauses, and shows how the lag grows.
    async fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.show();
            sleep(LOOK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Writes everything that waits; whether that succeeded.
    async fn write(&mut self) -> bool {
        let parking = Arc::clone(&self.parking);
        while let Some(changes) = parking.with(|table| table.take_batch(&parking.controller)) {
            let mut unfinished = Unfinished { parking: &parking, changes };
            let written = self.attempt(&unfinished.changes).await;
            match written {
                Ok(()) => {
                    let changes = std::mem::take(&mut unfinished.changes);
                    let waiting = parking.with(|table| table.written(&changes));
                    parking.resume(waiting);
                    self.recovered();
                }
                Err(error) => {
                    drop(unfinished);
                    self.failed(&error, "written to");
                    return false;
                }
            }
        }
        self.show();
        true
    }

    async fn attempt(&self, changes: &[LedgerChange]) -> Result<(), LedgerError> {
        let mut writing = std::pin::pin!(within(WRITE_TIME, "write to", self.ledger.write(changes)));
        loop {
            tokio::select! {
                biased;
                written = &mut writing => return written,
                () = sleep(LOOK) => self.show(),
            }
        }
    }

    /// Does what was asked for beside the process.
    async fn obey(&mut self) {
        let controller = Arc::clone(&self.parking.controller);
        let commands = match within(WRITE_TIME, "read", self.ledger.commands(&controller)).await {
            Ok(commands) => commands,
            Err(error) => return self.failed(&error, "asked for commands"),
        };
        self.recovered();
        for command in commands {
            let was_there = match command.verb {
                Verb::Replay => self.parking.replay(&command.identity, &command.by),
                Verb::Drop => self.parking.discard(&command.identity, &command.by),
            };
            tracing::info!(%controller, key = %command.identity.key, verb = ?command.verb, was_there, "command");
            self.parking.with(|table| table.pending.done(command.id, Instant::now()));
        }
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!(controller = %self.parking.controller, "the ledger is written to again");
        }
        self.parking.is_gated.store(self.ledger.is_durable(), Ordering::Relaxed);
        self.readiness.remove(&self.part);
    }

    fn failed(&mut self, error: &LedgerError, what: &str) {
        self.failures += 1;
        // Nobody waits for a ledger that fails.
        self.parking.is_gated.store(false, Ordering::Relaxed);
        self.parking.instruments.ledger_failed(error.reason());
        let left = self.parking.with(|table| table.pending.len());
        let why = format!("cannot be {what} ({}): {left} changes wait, reconciling goes on", error.reason());
        self.readiness.degraded(&self.part, why);
        tracing::warn!(controller = %self.parking.controller, error = chain(error), left, "the ledger fails");
        self.show();
    }

    /// Shows how far the ledger is behind.
    fn show(&self) {
        let table = self.parking.table.lock();
        let (left, oldest) = (table.pending.len(), table.pending.oldest());
        drop(table);
        let lag = oldest.map_or(0.0, |oldest| oldest.elapsed().as_secs_f64());
        self.parking.instruments.ledger_pending.set(i64::try_from(left).unwrap_or(i64::MAX));
        self.parking.instruments.lag(lag);
    }
}

/// Changes that are being written. Dropped before that has succeeded, they wait again.
struct Unfinished<'a> {
    parking: &'a Parking,
    changes: Vec<LedgerChange>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            let waiting = self.parking.with(|table| table.not_written(changes, Instant::now()));
            self.parking.resume(waiting);
        }
    }
}

async fn within<T>(
    time: Duration,
    action: &'static str,
    work: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    let too_slow = |_| Err(LedgerError::new(action, "LedgerTimeout", BoxError::from(TooSlow(time))));
    timeout(time, work).await.unwrap_or_else(too_slow)
}
