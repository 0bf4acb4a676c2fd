//! The life of a controller: fill the caches, then work until told to stop.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::context::Shared;
use super::crew::work_until;
use super::doubts::Doubts;
use super::event::{EventRecorder, EventSender};
use super::mapping::Source;
use super::metrics::Instruments;
use super::options::{ControllerOptions, QueueOptions};
use super::overruns::Overruns;
use super::own_writes::OwnWrites;
use super::parking::{Keeper, Parking, Setting};
use super::sources::{Order, Orders};
use super::waits::Waits;
use super::watching::Watching;
use super::worker::{Turn, Work};
use super::{ControllerError, Reconciler};
use crate::cache::Synced;
use crate::manager::{BoxError, ControllerSettings, Group, Liveness, LivenessCheck, RunContext, Runnable};
use crate::queue::{QueueMetrics, WorkQueue, WorkQueueOptions};
use crate::{Informer, ObjectKey, ResourceType, Shutdown};

/// A controller, ready to be added to a manager. Made by [`Controller::of`].
pub struct Controller {
    name: String,
    group: Group,
    options: ControllerOptions,
    run: Run,
}

type Run = Box<dyn FnOnce(ControllerOptions, RunContext) -> BoxFuture<'static, Result<(), BoxError>> + Send>;

/// What a builder has gathered.
pub(super) struct Plan {
    pub(super) name: String,
    /// The reconciled objects.
    pub(super) main: Source,
    pub(super) orders: Orders,
    /// What else is watched, and what will be.
    pub(super) ordered: UnboundedReceiver<Order>,
    pub(super) reads: BTreeSet<ResourceType>,
}

impl Controller {
    /// A controller that serves keys one by one, or as `turn` says.
    pub(super) fn new<R: Reconciler>(
        plan: Plan,
        options: ControllerOptions,
        reconciler: R,
        turn: Option<Turn<R>>,
    ) -> Self {
        let name = plan.name.clone();
        let group = if options.needs_leadership { Group::Leader } else { Group::Support };
        let run = move |options, context| {
            run(plan, options, reconciler, turn, context).map(|end| end.map_err(Into::into)).boxed()
        };
        Self { name, group, options, run: Box::new(run) }
    }
}

impl Runnable for Controller {
    fn name(&self) -> &str {
        &self.name
    }

    fn group(&self) -> Group {
        self.group
    }

    fn stands_by(&self) -> bool {
        true
    }

    fn settings(&self) -> Option<ControllerSettings> {
        Some(ControllerSettings::of(&self.options))
    }

    fn configure(&mut self, settings: ControllerSettings) {
        settings.apply(&mut self.options);
    }

    fn run(self: Box<Self>, context: RunContext) -> BoxFuture<'static, Result<(), BoxError>> {
        (self.run)(self.options, context)
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Controller").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A task that ends with the controller, however that ends.
type OwnedTask = AbortOnDropHandle<()>;

async fn run<R: Reconciler>(
    plan: Plan,
    options: ControllerOptions,
    reconciler: R,
    turn: Option<Turn<R>>,
    context: RunContext,
) -> Result<(), ControllerError> {
    let Plan { name, main, orders, ordered, reads } = plan;
    let RunContext { environment, readiness, shutdown, dead_letters, .. } = context.clone();
    let instruments = Instruments::new(&context.metrics, &name);
    let queue = WorkQueue::new(&environment, queue_options(&name, &options, &context));
    // Events about the last reconciles are sent after the workers have ended.
    let events_end = Shutdown::new();
    let recorder = EventRecorder::new(context.client.clone(), environment.clone(), &name, &context.manager);
    let (events, record) = recorder.start(instruments.events_dropped.clone(), events_end.clone());
    let record = OwnedTask::new(environment.spawn("event recorder", record));
    let shared = Arc::new(share(&name, &options, &context, events, orders));
    let cache = shared.cache(&main.resource);
    let parking = Arc::new(parking(&shared, &cache, &queue, &options, &context));

    readiness.not_ready(&name, "the caches are being filled");
    let reads: Vec<Informer> = reads.iter().map(|resource| shared.cache(resource)).collect();
    let mut watching = Watching::new(&shared, &queue, &parking, ordered);
    let filling = watching.start(main);
    let filled = tokio::select! {
        biased;
        () = shutdown.requested() => return Ok(()),
        filled = fill(&name, filling, reads, options.sync_timeout) => filled,
        lost = watching.lost() => Err(source_ended(&name, lost)),
    };
    filled?;
    readiness.ready(&name);
    if options.needs_leadership {
        tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(()),
            leads = context.leadership.acquired() => if !leads { return Ok(()) },
            lost = watching.lost() => return Err(source_ended(&name, lost)),
        }
    }
    tracing::info!(controller = name, "controller starts");
    let keeper_end = Shutdown::new();
    let keeping = keep(&parking, &context, keeper_end.clone()).await;
    let (timeout, overruns, main) = (options.timeout, Overruns::default(), cache);
    let checks = watch_over(&name, &context.liveness, &overruns, [&record, &keeping]);
    let stop = shutdown.child();
    let work = Work { shared, reconciler, main, queue, parking, instruments, timeout, overruns, stop, turn };
    let work = Arc::new(work);
    let mut working = pin!(work_until(&work, options.workers, options.worker_idle, &environment));
    let lost = tokio::select! {
        biased;
        () = &mut working => None,
        lost = watching.lost() => Some(source_ended(&name, lost)),
    };
    if lost.is_some() {
        work.stop.request();
        working.await;
    }
    drop((watching, checks));
    dead_letters.remove(&name);
    keeper_end.request();
    events_end.request();
    // It only fails when the ledger panics.
    let _ = keeping.await;
    // The recorder only fails when it panics; its last words are lost then.
    let _ = record.await;
    readiness.remove(&name);
    tracing::info!(controller = name, "controller has stopped");
    lost.map_or(Ok(()), Err)
}

/// What a restart would heal: workers that block, and tasks that died (the event recorder, the ledger keeper).
fn watch_over(
    name: &str,
    liveness: &Liveness,
    overruns: &Overruns,
    [recorder, keeper]: [&OwnedTask; 2],
) -> [LivenessCheck; 3] {
    let overruns = overruns.clone();
    [
        liveness.check(format!("workers of {name}"), move || overruns.check()),
        liveness.task(format!("event recorder of {name}"), recorder.abort_handle()),
        liveness.task(format!("ledger keeper of {name}"), keeper.abort_handle()),
    ]
}

/// The dead letters and failures of the controller.
fn parking(
    shared: &Shared,
    main: &Informer,
    queue: &WorkQueue<ObjectKey>,
    options: &ControllerOptions,
    context: &RunContext,
) -> Parking {
    let setting = Setting {
        controller: shared.controller.clone(),
        main: main.clone(),
        queue: queue.clone(),
        retry: options.retry.clone(),
        options: options.dead_letters,
        events: shared.events.clone(),
        environment: shared.environment.clone(),
    };
    Parking::new(setting, &context.metrics)
}

/// Takes over what the ledger holds, and keeps it from now on.
async fn keep(parking: &Arc<Parking>, context: &RunContext, end: Shutdown) -> OwnedTask {
    let (letters, environment) = (&context.dead_letters, &context.environment);
    let readiness = context.readiness.clone();
    let mut keeper = Keeper::new(Arc::clone(parking), letters.ledger(), readiness, environment.clone());
    keeper.read().await;
    letters.add(parking);
    OwnedTask::new(environment.spawn("ledger keeper", keeper.run(end)))
}

fn source_ended(controller: &str, resource: ResourceType) -> ControllerError {
    ControllerError::SourceEnded { controller: controller.to_owned(), resource }
}

fn queue_options(
    name: &str,
    options: &ControllerOptions,
    context: &RunContext,
) -> WorkQueueOptions<ObjectKey> {
    let QueueOptions { bucket, debounce, minimum_interval, hot_keys, flow } = options.queue.clone();
    WorkQueueOptions {
        retry: options.retry.clone(),
        bucket,
        debounce,
        minimum_interval,
        hot_keys,
        flow: Some(flow),
        metrics: Some(QueueMetrics::of(&context.metrics)),
        ..WorkQueueOptions::named(name)
    }
}

/// What all reconciles of the controller share.
fn share(
    name: &str,
    options: &ControllerOptions,
    context: &RunContext,
    events: EventSender,
    orders: Orders,
) -> Shared {
    Shared {
        controller: name.to_owned(),
        field_manager: format!("{}/{name}", context.manager),
        client: context.client.clone(),
        informers: context.informers.clone(),
        caches: Mutex::default(),
        refuses_undeclared: options.refuses_undeclared,
        environment: context.environment.clone(),
        metrics: context.metrics.clone(),
        own_writes: OwnWrites::new(options.own_write_wait),
        doubts: Doubts::default(),
        waits: Waits::default(),
        orders,
        events,
        departures: Default::default(),
    }
}

/// Waits until the first list of each source has been worked off and each read cache is filled (C7, C8).
async fn fill(
    controller: &str,
    sources: Vec<(Informer, Synced)>,
    reads: Vec<Informer>,
    timeout: Duration,
) -> Result<(), ControllerError> {
    let of_sources =
        sources.into_iter().map(|(informer, synced)| (informer, async move { synced.done().await }.boxed()));
    let of_reads = reads.into_iter().map(|informer| {
        let reading = informer.clone();
        let filled = async move {
            // A cache that was shut down instead ends with everything else.
            let _ = reading.wait_synced().await;
        };
        (informer, filled.boxed())
    });
    let start = Instant::now();
    for (informer, filled) in of_sources.chain(of_reads) {
        let left = timeout.saturating_sub(start.elapsed());
        if tokio::time::timeout(left, filled).await.is_err() {
            let controller = controller.to_owned();
            let resource = informer.resource_type().clone();
            let trouble = informer.trouble().map(Box::new);
            return Err(ControllerError::NotSynced { controller, resource, waited: timeout, trouble });
        }
    }
    Ok(())
}
