//! The life of a controller: fill the caches, then work until told to stop.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::context::Shared;
use super::event::EventRecorder;
use super::mapping::Source;
use super::metrics::Instruments;
use super::options::{ControllerOptions, Workers};
use super::own_writes::OwnWrites;
use super::worker::Work;
use super::{ControllerError, Reconciler};
use crate::manager::{BoxError, RunContext, Runnable};
use crate::queue::{QueueMetrics, WorkQueue, WorkQueueOptions};
use crate::{Change, ChangeKind, Informer, ObjectKey, Priority, ResourceType, Shutdown, Subscription};

/// A controller, ready to be added to a manager. Made by [`Controller::of`].
pub struct Controller {
    name: String,
    run: Box<dyn FnOnce(RunContext) -> BoxFuture<'static, Result<(), BoxError>> + Send>,
}

/// What a builder has gathered.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) sources: Vec<Source>,
    pub(super) reads: BTreeSet<ResourceType>,
    pub(super) options: ControllerOptions,
}

impl Controller {
    pub(super) fn new<R: Reconciler>(plan: Plan, reconciler: R) -> Self {
        let name = plan.name.clone();
        let run = move |context| run(plan, reconciler, context).map(|end| end.map_err(Into::into)).boxed();
        Self { name, run: Box::new(run) }
    }
}

impl Runnable for Controller {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, context: RunContext) -> BoxFuture<'static, Result<(), BoxError>> {
        (self.run)(context)
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Controller").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A task that ends with the controller, however that ends.
type OwnedTask = AbortOnDropHandle<()>;

async fn run<R: Reconciler>(plan: Plan, reconciler: R, context: RunContext) -> Result<(), ControllerError> {
    let Plan { name, sources, reads, options } = plan;
    let RunContext { client, informers, environment, metrics, readiness, shutdown, manager, .. } = context;
    let spawn = |task: &'static str, future: BoxFuture<'static, ()>| -> OwnedTask {
        AbortOnDropHandle::new(environment.spawn(task, future))
    };
    let instruments = Instruments::new(&metrics, &name);
    let queue = WorkQueue::new(
        &environment,
        WorkQueueOptions {
            retry: options.retry,
            metrics: Some(QueueMetrics::of(&metrics)),
            ..WorkQueueOptions::named(&name)
        },
    );
    let watched: BTreeSet<&ResourceType> = sources.iter().map(|source| &source.resource).collect();
    let watched: Vec<Informer> = watched.into_iter().map(|resource| informers.informer(resource)).collect();
    let reads: Vec<Informer> = reads.iter().map(|resource| informers.informer(resource)).collect();
    // Events about the last reconciles are sent after the workers have ended.
    let events_end = Shutdown::new();
    let recorder = EventRecorder::new(client.clone(), environment.clone(), &name, &manager);
    let (events, record) = recorder.start(instruments.events_dropped.clone(), events_end.clone());
    let record = spawn("event recorder", record.boxed());
    let shared = Arc::new(Shared {
        field_manager: format!("{manager}/{name}"),
        own_writes: OwnWrites::new(watched, options.own_write_wait),
        controller: name.clone(),
        client,
        informers: informers.clone(),
        environment: environment.clone(),
        events,
        gone: Default::default(),
    });

    let mut filling = Vec::new();
    let mut pumps = Vec::new();
    let main = informers.informer_of::<R::Object>();
    for source in sources {
        let subscription = informers.informer(&source.resource).subscribe();
        filling.push((source.resource.clone(), subscription.synced()));
        let pump = Pump { shared: Arc::clone(&shared), queue: queue.clone(), source };
        pumps.push(spawn("controller source", pump.run(subscription).boxed()));
    }
    readiness.not_ready(&name, "the caches are being filled");
    let filled = tokio::select! {
        biased;
        () = shutdown.requested() => return Ok(()),
        filled = fill(&name, filling, reads, options.sync_timeout) => filled,
    };
    filled?;
    readiness.ready(&name);
    tracing::info!(controller = name, "controller starts");
    let work = Arc::new(Work { shared, reconciler, main, queue, instruments, timeout: options.timeout });
    work_until(&shutdown, &work, options.workers, options.worker_idle, &spawn).await;
    drop(pumps);
    events_end.request();
    let _ = record.await;
    readiness.remove(&name);
    tracing::info!(controller = name, "controller has stopped");
    Ok(())
}

/// Waits until the first list of each source has been worked off and each read cache is filled (C7, C8).
async fn fill(
    controller: &str,
    sources: Vec<(ResourceType, crate::cache::Synced)>,
    reads: Vec<Informer>,
    timeout: Duration,
) -> Result<(), ControllerError> {
    let deadline = tokio::time::Instant::now().checked_add(timeout);
    let late = |resource: ResourceType| ControllerError::NotSynced {
        controller: controller.to_owned(),
        resource,
        waited: timeout,
    };
    let by_deadline = |wait: BoxFuture<'static, ()>| async move {
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, wait).await.is_ok(),
            None => {
                wait.await;
                true
            }
        }
    };
    for (resource, synced) in sources {
        if !by_deadline(async move { synced.done().await }.boxed()).await {
            return Err(late(resource));
        }
    }
    for informer in reads {
        let resource = informer.resource_type().clone();
        if !by_deadline(
            async move {
                informer.wait_synced().await;
            }
            .boxed(),
        )
        .await
        {
            return Err(late(resource));
        }
    }
    Ok(())
}

/// Turns the changes of one source into keys in the queue.
struct Pump {
    shared: Arc<Shared>,
    queue: WorkQueue<ObjectKey>,
    source: Source,
}

impl Pump {
    async fn run(self, mut subscription: Subscription) {
        while let Some(change) = subscription.next().await {
            self.handle(&change);
        }
    }

    fn handle(&self, change: &Change) {
        if self.source.is_main {
            self.shared.note_presence(&change.key, change.kind != ChangeKind::Deleted);
        }
        // What nobody waits for: the initial list, and changes that change nothing (C14).
        let unchanged = change.previous.as_ref().is_some_and(|before| {
            change.kind == ChangeKind::Updated && before.is_same_version(&change.object)
        });
        let priority = if change.initial || unchanged { Priority::Low } else { Priority::Normal };
        for key in (self.source.map)(change) {
            self.queue.add_with(key, priority);
        }
        if let Some(key) = self.shared.own_writes.observed(&self.source.resource, &change.key) {
            self.queue.add(key);
        }
    }
}

/// What the workers of a controller know of each other.
struct Crew {
    size: AtomicUsize,
    more_wanted: Notify,
}

async fn work_until<R: Reconciler>(
    shutdown: &Shutdown,
    work: &Arc<Work<R>>,
    bounds: Workers,
    idle: Duration,
    spawn: &impl Fn(&'static str, BoxFuture<'static, ()>) -> OwnedTask,
) {
    work.instruments.max_concurrent.set(i64::try_from(bounds.most).unwrap_or(i64::MAX));
    let crew = Arc::new(Crew { size: AtomicUsize::new(0), more_wanted: Notify::new() });
    let hire = || {
        crew.size.fetch_add(1, Ordering::Relaxed);
        let worker = worker(Arc::clone(work), Arc::clone(&crew), bounds, idle, shutdown.clone());
        spawn("controller worker", worker.boxed())
    };
    let mut workers: Vec<OwnedTask> = (0..bounds.least).map(|_| hire()).collect();
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
struct Active<'a>(&'a prometheus_client::metrics::gauge::Gauge);

impl<'a> Active<'a> {
    fn new(gauge: &'a prometheus_client::metrics::gauge::Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
