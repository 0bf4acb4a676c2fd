//! The workers of one controller.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::Reconciler;
use super::limit::Limit;
use super::options::Workers;
use super::worker::Work;
use crate::ObjectKey;
use crate::client::PushBack;
use crate::queue::QueueItem;

/// What the workers of a controller know of each other.
struct Crew {
    bounds: Workers,
    counts: Mutex<Counts>,
    push_back: Arc<PushBack>,
    /// Whether all are busy has changed.
    turned: Notify,
    /// There are more workers than there may be.
    lowered: Notify,
    size_gauge: Gauge,
    active_gauge: Gauge,
    limit_gauge: Gauge,
    cuts: Counter,
}

#[derive(Clone, Copy)]
struct Counts {
    size: usize,
    busy: usize,
    limit: Limit,
    /// How many push-backs the limit has taken into account.
    heeded: u64,
}

impl Counts {
    /// Whether nobody is free for the next key, and one more may be hired.
    fn is_stretched(&self) -> bool {
        self.busy >= self.size && self.size < self.limit.current()
    }
}

impl Crew {
    fn new<R: Reconciler>(bounds: Workers, work: &Work<R>) -> Self {
        let (push_back, limit) = (Arc::clone(work.shared.client.push_back()), Limit::new(bounds));
        // What was before the controller started does not concern it.
        let heeded = push_back.latest().count;
        let crew = Self {
            bounds,
            counts: Mutex::new(Counts { size: 0, busy: 0, limit, heeded }),
            push_back,
            turned: Notify::new(),
            lowered: Notify::new(),
            size_gauge: work.instruments.workers.clone(),
            active_gauge: work.instruments.active_workers.clone(),
            limit_gauge: work.instruments.worker_limit.clone(),
            cuts: work.instruments.limit_cuts.clone(),
        };
        crew.show(limit);
        crew
    }

    fn is_adaptive(&self) -> bool {
        self.bounds.least < self.bounds.most
    }

    fn is_stretched(&self) -> bool {
        self.is_adaptive() && self.counts.lock().is_stretched()
    }

    fn show(&self, limit: Limit) {
        self.limit_gauge.set(i64::try_from(limit.current()).unwrap_or(i64::MAX));
    }

    /// Heeds what the server has said since the last look. When to look again at the latest.
    fn heed(&self, counts: &mut Counts) -> Option<Instant> {
        let (now, latest) = (Instant::now(), self.push_back.latest());
        if let Some(sent) = latest.sent.filter(|_| latest.count != counts.heeded) {
            counts.heeded = latest.count;
            if counts.limit.push_back(sent, counts.busy, now) {
                self.cuts.inc();
                self.lowered.notify_waiters();
            }
        }
        counts.limit.recover(now);
        self.show(counts.limit);
        counts.limit.next_step()
    }

    /// Waits until the limit may have to change.
    async fn unrest(&self) {
        let (next_step, heeded) = {
            let mut counts = self.counts.lock();
            (self.heed(&mut counts), counts.heeded)
        };
        tokio::select! {
            biased;
            () = self.push_back.beyond(heeded) => {}
            () = sleep_until(next_step.unwrap_or_else(Instant::now)), if next_step.is_some() => {}
        }
    }

    fn join(&self) {
        self.counts.lock().size += 1;
        self.size_gauge.inc();
    }

    /// Leaves the crew if it is larger than the limit allows or, for want of work, than the least.
    fn leave(&self, is_idle: bool) -> bool {
        let mut counts = self.counts.lock();
        self.heed(&mut counts);
        let needed = if is_idle { self.bounds.least } else { counts.limit.current() };
        if counts.size <= needed {
            return false;
        }
        counts.size -= 1;
        let is_stretched = counts.is_stretched();
        drop(counts);
        self.size_gauge.dec();
        // The one that was free for the next key may have left.
        if is_stretched {
            self.turned.notify_one();
        }
        true
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
    work: &Arc<Work<R>>,
    bounds: Workers,
    idle: Duration,
    environment: &Environment,
) {
    work.instruments.max_concurrent.set(i64::try_from(bounds.most).unwrap_or(i64::MAX));
    let crew = Arc::new(Crew::new(bounds, work));
    let hire = |first: Option<QueueItem<ObjectKey>>| {
        crew.join();
        let first = first.map(|item| (Active::new(&crew), item));
        let worker = worker(Arc::clone(work), Arc::clone(&crew), first, idle);
        AbortOnDropHandle::new(environment.spawn("controller worker", worker))
    };
    let mut workers: Vec<AbortOnDropHandle<()>> = (0..bounds.least).map(|_| hire(None)).collect();
    loop {
        tokio::select! {
            biased;
            () = work.stop.requested() => break,
            () = crew.turned.notified() => {}
            () = crew.unrest(), if crew.is_adaptive() => {}
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

/// Serves keys until told to stop, or until there is nothing to do for more workers than the least, or until there
/// are more than the server bears.
async fn worker<R: Reconciler>(
    work: Arc<Work<R>>,
    crew: Arc<Crew>,
    mut first: Option<(Active, QueueItem<ObjectKey>)>,
    idle: Duration,
) {
    loop {
        let (_active, item) = if let Some(first) = first.take() {
            first
        } else {
            // Made before the look at the limit: what happens between the two wakes it.
            let lowered = crew.lowered.notified();
            if crew.is_adaptive() && crew.leave(false) {
                return;
            }
            tokio::select! {
                biased;
                () = work.stop.requested() => return,
                () = lowered => continue,
                item = work.queue.get() => match item {
                    Some(item) => (Active::new(&crew), item),
                    None => return,
                },
                () = tokio::time::sleep(idle), if crew.is_adaptive() => {
                    if crew.leave(true) {
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
