//! The workers of one controller.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::Reconciler;
use super::options::Workers;
use super::worker::Work;
use crate::queue::QueueItem;
use crate::{ObjectKey, Shutdown};

/// What the workers of a controller know of each other.
struct Crew {
    bounds: Workers,
    counts: Mutex<Counts>,
    /// The last idle worker got busy, or the first of all busy ones idle.
    turned: Notify,
    size_gauge: Gauge,
    active_gauge: Gauge,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    size: usize,
    busy: usize,
}

impl Crew {
    fn is_adaptive(&self) -> bool {
        self.bounds.least < self.bounds.most
    }

    /// Whether nobody is free for the next key, and one more may be hired.
    fn is_stretched(&self) -> bool {
        let Counts { size, busy } = *self.counts.lock();
        self.is_adaptive() && busy >= size && size < self.bounds.most
    }

    fn join(&self) {
        self.counts.lock().size += 1;
        self.size_gauge.inc();
    }

    /// Leaves the crew if it is larger than the least.
    fn leave(&self) -> bool {
        let mut counts = self.counts.lock();
        let may_leave = counts.size > self.bounds.least;
        if may_leave {
            counts.size -= 1;
            self.size_gauge.dec();
        }
        may_leave
    }

    fn count_busy(&self, change: impl Fn(usize) -> usize) {
        let mut counts = self.counts.lock();
        let was_stretched = counts.busy >= counts.size;
        counts.busy = change(counts.busy);
        let has_turned = was_stretched != (counts.busy >= counts.size);
        drop(counts);
        if has_turned {
            self.turned.notify_one();
        }
    }
}

/// Works until told to stop, then lets every worker finish what it has begun.
///
/// While all workers are busy, the crew itself waits for the next key, and hires one more worker for it.
pub(super) async fn work_until<R: Reconciler>(
    shutdown: &Shutdown,
    work: &Arc<Work<R>>,
    bounds: Workers,
    idle: Duration,
    environment: &Environment,
) {
    work.instruments.max_concurrent.set(i64::try_from(bounds.most).unwrap_or(i64::MAX));
    let crew = Arc::new(Crew {
        bounds,
        counts: Mutex::default(),
        turned: Notify::new(),
        size_gauge: work.instruments.workers.clone(),
        active_gauge: work.instruments.active_workers.clone(),
    });
    let hire = |first: Option<QueueItem<ObjectKey>>| {
        crew.join();
        let first = first.map(|item| (Active::new(&crew), item));
        let worker = worker(Arc::clone(work), Arc::clone(&crew), first, idle, shutdown.clone());
        AbortOnDropHandle::new(environment.spawn("controller worker", worker))
    };
    let mut workers: Vec<AbortOnDropHandle<()>> = (0..bounds.least).map(|_| hire(None)).collect();
    loop {
        tokio::select! {
            biased;
            () = shutdown.requested() => break,
            () = crew.turned.notified() => {}
            item = work.queue.get(), if crew.is_stretched() => {
                workers.retain(|worker| !worker.is_finished());
                workers.extend(item.map(|item| hire(Some(item))));
            }
        }
    }
    for worker in workers {
        if let Err(error) = worker.await {
            tracing::error!(controller = work.shared.controller, %error, "worker failed");
        }
    }
    work.queue.shut_down();
    work.instruments.workers.set(0);
}

/// Serves keys until told to stop, or until there is nothing to do for more workers than the least.
async fn worker<R: Reconciler>(
    work: Arc<Work<R>>,
    crew: Arc<Crew>,
    mut first: Option<(Active, QueueItem<ObjectKey>)>,
    idle: Duration,
    shutdown: Shutdown,
) {
    loop {
        let (_active, item) = if let Some(first) = first.take() {
            first
        } else {
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                item = work.queue.get() => match item {
                    Some(item) => (Active::new(&crew), item),
                    None => return,
                },
                () = tokio::time::sleep(idle), if crew.is_adaptive() => {
                    if crew.leave() {
                        return;
                    }
                    continue;
                }
            }
        };
        let (key, priority) = (item.key().clone(), item.priority());
        // Code of the user's also runs outside of the reconciler: decoding an object, dropping a future.
        if let Err(panic) = AssertUnwindSafe(work.serve(item)).catch_unwind().await {
            work.retry_after_panic(&key, priority, &*panic);
        }
    }
}

/// Counts a worker as busy while it holds this.
struct Active(Arc<Crew>);

impl Active {
    fn new(crew: &Arc<Crew>) -> Self {
        crew.active_gauge.inc();
        crew.count_busy(|busy| busy + 1);
        Self(Arc::clone(crew))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active_gauge.dec();
        self.0.count_busy(|busy| busy - 1);
    }
}
