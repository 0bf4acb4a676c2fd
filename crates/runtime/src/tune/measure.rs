//! The measurement.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::Tuning;
use super::recommend::{float, recommend};
use super::report::{TuningReport, TuningStep};

/// The calls of one step.
#[derive(Debug, Default)]
struct Calls {
    /// How long those that succeeded took.
    times: Vec<Duration>,
    failed: u64,
}

impl Tuning {
    /// Measures `work`, which is called for each unit of work, by as many tasks at once as there are workers.
    ///
    /// Takes the sum of all times given, as calls that have not ended with their step are dropped. Dropping the future
    /// ends the measurement, and drops the calls.
    ///
    /// **Panics.** A panic in `work` ends its worker; its step counts without it.
    pub async fn run<W, F, E>(&self, environment: &Environment, work: W) -> TuningReport
    where
        W: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        let work = Arc::new(work);
        let mut steps = Vec::with_capacity(self.steps.len());
        for workers in &self.steps {
            let step = self.step(environment, &work, *workers).await;
            steps.push(step);
            if step.push_backs.saturating_mul(10) > step.succeeded {
                break;
            }
        }
        let recommendation = recommend(&steps, self);
        TuningReport { steps, recommendation }
    }

    async fn step<W, F, E>(&self, environment: &Environment, work: &Arc<W>, workers: usize) -> TuningStep
    where
        W: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.measured;
        let calls = Arc::new(Mutex::new(Calls::default()));
        let hire = |_| {
            let worker = worker(Arc::clone(work), Arc::clone(&calls), begin, end);
            AbortOnDropHandle::new(environment.spawn("tuning worker", worker))
        };
        let team: Vec<AbortOnDropHandle<()>> = (0..workers).map(hire).collect();
        let push_backs = || self.client.as_ref().map_or(0, |client| client.push_back().latest().count);
        sleep_until(begin).await;
        let before = push_backs();
        for worker in team {
            // It only fails when the workload panics.
            let _ = worker.await;
        }
        sleep_until(end).await;
        let push_backs = push_backs() - before;
        let Calls { mut times, failed } = std::mem::take(&mut *calls.lock());
        times.sort_unstable();
        let succeeded = times.len() as u64;
        let seconds = self.measured.as_secs_f64();
        let per_second = if seconds > 0.0 { float(succeeded) / seconds } else { 0.0 };
        let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
        TuningStep { workers, per_second, succeeded, failed, push_backs, p50, p99 }
    }
}

/// Works until the end, and notes what ended after the beginning.
async fn worker<W, F, E>(work: Arc<W>, calls: Arc<Mutex<Calls>>, begin: Instant, end: Instant)
where
    W: Fn() -> F,
    F: Future<Output = Result<(), E>>,
{
    loop {
        let started = Instant::now();
        let Ok(outcome) = timeout_at(end, work()).await else { return };
        let ended = Instant::now();
        if ended >= begin && ended < end {
            let mut calls = calls.lock();
            match outcome {
                Ok(()) => calls.times.push(ended - started),
                Err(_) => calls.failed += 1,
            }
        }
        if ended >= end {
            return;
        }
        // Work that never waits must not keep the others from theirs.
        tokio::task::yield_now().await;
    }
}

/// The time that this many percent of the calls did not exceed (nearest rank), in seconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, Duration::as_secs_f64)
}
