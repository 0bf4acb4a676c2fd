//! The workers of one controller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pilothouse_machinery::Environment;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::Reconciler;
use super::options::Workers;
use super::worker::Work;
use crate::Shutdown;

/// What the workers of a controller know of each other.
struct Crew {
    size: AtomicUsize,
    more_wanted: Notify,
}

/// Works until told to stop, then lets every worker finish what it has begun.
pub(super) async fn work_until<R: Reconciler>(
    shutdown: &Shutdown,
    work: &Arc<Work<R>>,
    bounds: Workers,
    idle: Duration,
    environment: &Environment,
) {
    work.instruments.max_concurrent.set(i64::try_from(bounds.most).unwrap_or(i64::MAX));
    let crew = Arc::new(Crew { size: AtomicUsize::new(0), more_wanted: Notify::new() });
    let hire = || {
        crew.size.fetch_add(1, Ordering::Relaxed);
        let worker = worker(Arc::clone(work), Arc::clone(&crew), bounds, idle, shutdown.clone());
        AbortOnDropHandle::new(environment.spawn("controller worker", worker))
    };
    let mut workers: Vec<AbortOnDropHandle<()>> = (0..bounds.least).map(|_| hire()).collect();
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = crew.more_wanted.notified() => {
                workers.retain(|worker| !worker.is_finished());
                if crew.size.load(Ordering::Relaxed) < bounds.most {
                    workers.push(hire());
                }
            }
        }
    }
    for worker in workers {
        // A worker ends by itself; a panic outside of the reconciler is a defect that the log shows.
        if let Err(error) = worker.await {
            tracing::error!(controller = work.shared.controller, %error, "worker failed");
        }
    }
    work.queue.shut_down();
}

/// Serves keys until told to stop, or until there is nothing to do for more workers than the least.
async fn worker<R: Reconciler>(
    work: Arc<Work<R>>,
    crew: Arc<Crew>,
    bounds: Workers,
    idle: Duration,
    shutdown: Shutdown,
) {
    loop {
        let item = tokio::select! {
            biased;
            () = shutdown.requested() => return,
            item = work.queue.get() => item,
            () = tokio::time::sleep(idle), if bounds.least < bounds.most => {
                let leave = |size: usize| (size > bounds.least).then(|| size - 1);
                if crew.size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, leave).is_ok() {
                    return;
                }
                continue;
            }
        };
        let Some(item) = item else { return };
        if bounds.least < bounds.most && !work.queue.is_empty() {
            crew.more_wanted.notify_one();
        }
        let _active = Active::new(&work.instruments.active_workers);
        work.serve(item).await;
    }
}

/// Counts a worker as active while it holds this.
struct Active<'a>(&'a Gauge);

impl<'a> Active<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
