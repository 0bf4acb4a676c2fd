//! What every controller is put through, and what it says of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::candidate::Candidate;
use crate::Failure;
use crate::process::{Meter, monotonic_nanoseconds, post, resident_mib};
use crate::sample::Cost;

/// What one process is to do; the Go program has the same flags.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Work {
    #[arg(long)]
    pub(crate) candidate: Candidate,
    #[arg(long)]
    pub(crate) address: SocketAddr,
    #[arg(long)]
    pub(crate) threads: usize,
    /// How many pods the server has.
    #[arg(long)]
    pub(crate) objects: u32,
    /// How many reconciles may run at once.
    #[arg(long)]
    pub(crate) workers: u16,
    /// How often all objects are reconciled for nothing; once more before that counts.
    #[arg(long)]
    pub(crate) passes: u32,
    /// Events, one after the other with time between, whose latency is taken.
    #[arg(long)]
    pub(crate) idle_events: u32,
    #[arg(long)]
    pub(crate) idle_rate: u32,
    /// Events as fast as they go, about as many objects.
    #[arg(long)]
    pub(crate) burst: u32,
    /// Events per second, about so many objects, while each reconcile takes some milliseconds.
    #[arg(long)]
    pub(crate) overload_rate: u32,
    #[arg(long)]
    pub(crate) overload_objects: u32,
    #[arg(long)]
    pub(crate) overload_seconds: u32,
    #[arg(long)]
    pub(crate) reconcile_ms: u64,
}

impl Work {
    /// The flags that say the same, with one dash or two.
    pub(crate) fn arguments(&self, dash: &str) -> Vec<String> {
        let flags = [
            ("address", self.address.to_string()),
            ("threads", self.threads.to_string()),
            ("objects", self.objects.to_string()),
            ("workers", self.workers.to_string()),
            ("passes", self.passes.to_string()),
            ("idle-events", self.idle_events.to_string()),
            ("idle-rate", self.idle_rate.to_string()),
            ("burst", self.burst.to_string()),
            ("overload-rate", self.overload_rate.to_string()),
            ("overload-objects", self.overload_objects.to_string()),
            ("overload-seconds", self.overload_seconds.to_string()),
            ("reconcile-ms", self.reconcile_ms.to_string()),
        ];
        flags.into_iter().flat_map(|(name, value)| [format!("{dash}{name}"), value]).collect()
    }
}

/// A reconcile: the version of the object that it was given, and when it began, in nanoseconds of the monotonic clock.
pub(crate) type Stamp = (u32, u64);

/// What one process says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sample {
    /// From making the client until every object was reconciled once.
    pub(crate) start: Cost,
    /// Resident then, in MiB.
    pub(crate) resident_mib: f64,
    /// All passes together.
    pub(crate) passes: Cost,
    pub(crate) idle: Vec<Stamp>,
    pub(crate) burst: Vec<Stamp>,
    pub(crate) overload: Vec<Stamp>,
    /// When the overload was over.
    pub(crate) overload_end: u64,
}

/// What the reconcilers of a process share.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    reconciles: AtomicU64,
    is_stamping: AtomicBool,
    stamps: Mutex<Vec<Stamp>>,
    /// How long a reconcile takes, in milliseconds.
    duration: AtomicU64,
}

impl Probe {
    /// One reconcile of an object of this version.
    pub(crate) async fn reconcile(&self, version: Option<&str>) {
        if self.is_stamping.load(Ordering::Relaxed) {
            let version = version.and_then(|version| version.parse().ok()).unwrap_or(0);
            let stamp = (version, monotonic_nanoseconds());
            self.stamps.lock().unwrap_or_else(PoisonError::into_inner).push(stamp);
        }
        let duration = self.duration.load(Ordering::Relaxed);
        if duration > 0 {
            sleep(Duration::from_millis(duration)).await;
        }
        self.reconciles.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Vec<Stamp> {
        std::mem::take(&mut *self.stamps.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn stamps(&self) -> usize {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn until(&self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        while !done(self) {
            if Instant::now() > deadline {
                let (count, stamps) = (self.reconciles.load(Ordering::Relaxed), self.stamps());
                return Err(format!("{what}: not over in time ({count} reconciles, {stamps} noted)").into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// Puts a controller that was made when `meter` was started through everything. `trigger` asks it to reconcile all
/// objects.
pub(crate) async fn drive(
    work: &Work,
    meter: Meter,
    probe: &Probe,
    mut trigger: impl FnMut(),
) -> Result<Sample, Failure> {
    let mut sample = Sample::default();
    let (all, limit) = (u64::from(work.objects), Duration::from_secs(100));
    let has_all = |target: u64| move |probe: &Probe| probe.reconciles.load(Ordering::Relaxed) >= target;
    probe.until("the start", limit, has_all(all)).await?;
    sample.start = meter.read();
    sleep(Duration::from_millis(500)).await;
    sample.resident_mib = resident_mib()?;

    for pass in 0..=work.passes {
        let target = probe.reconciles.load(Ordering::Relaxed) + all;
        let meter = Meter::start();
        trigger();
        probe.until("a pass", limit, has_all(target)).await?;
        if pass > 0 {
            let cost = meter.read();
            sample.passes.cpu_seconds += cost.cpu_seconds;
            sample.passes.wall_seconds += cost.wall_seconds;
        }
    }

    sleep(Duration::from_millis(500)).await;
    probe.is_stamping.store(true, Ordering::Relaxed);
    let stamped = |count: u32| move |probe: &Probe| probe.stamps() >= count as usize;
    post(work.address, &format!("/start?events={}&rate={}", work.idle_events, work.idle_rate)).await?;
    probe.until("idle events", limit, stamped(work.idle_events)).await?;
    sample.idle = probe.take();

    sleep(Duration::from_millis(500)).await;
    post(work.address, &format!("/start?events={}", work.burst)).await?;
    probe.until("the burst", limit, stamped(work.burst)).await?;
    sample.burst = probe.take();

    sleep(Duration::from_millis(500)).await;
    probe.duration.store(work.reconcile_ms, Ordering::Relaxed);
    let (rate, among, seconds) = (work.overload_rate, work.overload_objects, work.overload_seconds);
    post(work.address, &format!("/start?events={}&rate={rate}&among={among}", rate * seconds)).await?;
    sleep(Duration::from_secs(seconds.into())).await;
    sample.overload_end = monotonic_nanoseconds();
    sample.overload = probe.take();
    Ok(sample)
}
