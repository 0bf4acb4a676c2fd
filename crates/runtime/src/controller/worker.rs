//! One reconcile from the queue to its consequences.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use tracing::Instrument;

use super::context::Shared;
use super::error::{Dependency, chain};
use super::metrics::Instruments;
use super::overruns::Overruns;
use super::own_writes::Freshness;
use super::parking::{Admission, Parking, Verdict};
use super::{Action, Context, ReconcileError, Reconciler};
use crate::queue::{Priority, QueueItem, WorkQueue};
use crate::{ClientError, Informer, ObjectKey, Shutdown};

/// How long a key waits for another object before it is reconciled without a change of that.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What the workers of one controller share.
pub(super) struct Work<R: Reconciler> {
    pub(super) shared: Arc<Shared>,
    pub(super) reconciler: R,
    pub(super) main: Informer,
    pub(super) queue: WorkQueue<ObjectKey>,
    pub(super) parking: Arc<Parking>,
    pub(super) instruments: Instruments,
    pub(super) timeout: Duration,
    pub(super) overruns: Overruns,
    /// When nothing new is begun any more.
    pub(super) stop: Shutdown,
    /// How a key is served, where not alone.
    pub(super) turn: Option<Turn<R>>,
}

/// Serves a key in a way of its own.
pub(super) type Turn<R> = for<'a> fn(&'a Work<R>, QueueItem<ObjectKey>) -> BoxFuture<'a, ()>;

impl<R: Reconciler> Work<R> {
    /// Serves one key: reads the object, reconciles it, and does what the outcome asks for.
    pub(super) async fn serve(&self, item: QueueItem<ObjectKey>) {
        if let Some(turn) = self.turn {
            return turn(self, item).await;
        }
        let Some((object, before)) = self.prepare(&item).await else { return };
        let outcome = self.attempt(item.key(), object).await;
        self.settle(&item, outcome, before);
    }

    /// Reads the object, if it is to be reconciled now; and says how many changes of other objects were seen before.
    /// `None` also once the controller stops: questions to a server that does not answer hold nobody up.
    pub(super) async fn prepare(&self, item: &QueueItem<ObjectKey>) -> Option<(Option<Arc<R::Object>>, u64)> {
        tokio::select! {
            biased;
            () = self.stop.requested() => None,
            prepared = self.look_up(item) => prepared,
        }
    }

    async fn look_up(&self, item: &QueueItem<ObjectKey>) -> Option<(Option<Arc<R::Object>>, u64)> {
        let key = item.key();
        match self.parking.admit(key, item.priority()) {
            Admission::Go => {}
            Admission::Parked => return None,
            Admission::Later(delay) => {
                self.queue.add_after_with(key.clone(), delay, item.priority());
                return None;
            }
        }
        if let Err(error) = self.confirm(key).await {
            self.settle(item, Err(error), 0);
            return None;
        }
        let before = self.shared.waits.changes();
        let live = match self.shared.own_writes.check(key) {
            Freshness::Behind { at_most } => {
                self.instruments.put_aside.inc();
                self.queue.add_after_with(key.clone(), at_most, item.priority());
                return None;
            }
            Freshness::Fresh { waited } => {
                self.observe_wait(waited);
                false
            }
            Freshness::GivenUp { waited } => {
                self.observe_wait(Some(waited));
                self.instruments.live_reads.inc();
                tracing::warn!(
                    controller = self.shared.controller, %key, ?waited,
                    "the cache does not show the controller's own write: reconciling on a live read"
                );
                true
            }
        };
        match self.read(key, live).await {
            Ok(None) if self.shared.departure(key).is_none() => {
                self.parking.succeeded(key);
                self.shared.waits.forget(key);
                None
            }
            Ok(object) => Some((object, before)),
            Err(error) => {
                self.settle(item, Err(error), before);
                None
            }
        }
    }

    /// Finds out what became of writes of `key` that were not answered (W4).
    async fn confirm(&self, key: &ObjectKey) -> Result<(), ReconcileError> {
        let doubts = self.shared.doubts.of(key);
        if doubts.is_empty() {
            return Ok(());
        }
        self.instruments.confirmations.inc();
        let confirming = async {
            for (number, doubt) in doubts {
                self.shared.confirm(key, number, doubt).await?;
            }
            Ok::<(), ClientError>(())
        };
        match tokio::time::timeout(self.timeout, confirming).await {
            Ok(confirmed) => {
                confirmed.map_err(|error| ReconcileError::retryable_because("WriteInDoubt", error))
            }
            Err(elapsed) => Err(ReconcileError::retryable_because("WriteInDoubt", elapsed)),
        }
    }

    fn observe_wait(&self, waited: Option<Duration>) {
        if let Some(waited) = waited {
            self.instruments.put_aside_seconds.observe(waited.as_secs_f64());
        }
    }

    async fn read(&self, key: &ObjectKey, live: bool) -> Result<Option<Arc<R::Object>>, ReconcileError> {
        if !live {
            return Ok(self.main.store().get(key).map(|object| object.decode()).transpose()?);
        }
        match self.shared.client.get(key).await {
            Ok(object) => Ok(Some(Arc::new(object))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs the reconciler for one key.
    pub(super) async fn attempt(
        &self,
        key: &ObjectKey,
        object: Option<Arc<R::Object>>,
    ) -> Result<Action, ReconcileError> {
        let context = Context::new(&self.shared, key, object.as_deref());
        let reconcile_id = self.shared.environment.random_uuid();
        let departure = self.shared.departure(key);
        let span = tracing::info_span!("reconcile", controller = self.shared.controller, %key, reconcile_id);
        let work = async {
            match object {
                Some(object) => self.reconciler.reconcile(object, &context).await,
                None => self.reconciler.deleted(key, &context).await.inspect(|action| {
                    if action.again_in.is_none() {
                        self.shared.forget_departure(key, departure);
                    }
                }),
            }
        };
        self.limited(work).instrument(span).await
    }

    /// Runs code of the user's under the timeout; a panic becomes an error (C5, C6).
    pub(super) async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, ReconcileError>>,
    ) -> Result<T, ReconcileError> {
        let _run = self.overruns.begin(self.timeout);
        let started = Instant::now();
        let outcome = tokio::time::timeout(self.timeout, AssertUnwindSafe(work).catch_unwind()).await;
        self.instruments.seconds.observe(started.elapsed().as_secs_f64());
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(self.panicked(&*panic)),
            Err(_) => {
                self.instruments.timeouts.inc();
                let text = format!("the reconcile was not over after {:?}", self.timeout);
                Err(ReconcileError::retryable_because("ReconcileTimeout", text))
            }
        }
    }

    pub(super) fn panicked(&self, panic: &(dyn Any + Send)) -> ReconcileError {
        self.instruments.panics.inc();
        let text = format!("the reconciler panicked: {}", crate::manager::message(panic));
        ReconcileError::retryable_because("ReconcilerPanicked", text)
    }

    /// A panic that the reconciler's own guard did not see: counts as a failure of the key.
    pub(super) fn retry_after_panic(&self, key: &ObjectKey, priority: Priority, panic: &(dyn Any + Send)) {
        for counter in [&self.instruments.panics, &self.instruments.error, &self.instruments.errors] {
            counter.inc();
        }
        let (controller, panic) = (&self.shared.controller, crate::manager::message(panic));
        tracing::error!(controller, %key, panic, "panic while a key was served");
        let text = format!("a panic while the key was served: {panic}");
        let error = ReconcileError::retryable_because("ReconcilerPanicked", text);
        self.fail(key, priority, &error);
    }

    /// Success forgets the failures (C3), an error counts one more (C1), a terminal one or one too many parks the
    /// object (C2, D3), one that waits for another object comes again when that has changed since `before`, or does.
    /// One whose call a dependency rejected waits for that (A7). What comes again keeps its priority, unless the
    /// action sets another (C4).
    pub(super) fn settle(
        &self,
        item: &QueueItem<ObjectKey>,
        outcome: Result<Action, ReconcileError>,
        before: u64,
    ) {
        let (key, priority, instruments) = (item.key(), item.priority(), &self.instruments);
        if let Some(dependency) = outcome.as_ref().err().and_then(ReconcileError::dependency) {
            return self.wait_for(dependency, item, before);
        }
        self.shared.waits.forget(key);
        if let Some(rejected) = outcome.as_ref().err().and_then(ReconcileError::rejection) {
            return self.postpone(item, rejected);
        }
        match outcome {
            Ok(Action { again_in: None, .. }) => {
                self.parking.succeeded(key);
                instruments.success.inc();
            }
            Ok(Action { again_in: Some(delay), priority: wanted }) => {
                self.parking.succeeded(key);
                self.queue.add_after_with(key.clone(), delay, wanted.unwrap_or(priority));
                instruments.requeue_after.inc();
            }
            Err(error) => {
                instruments.error.inc();
                instruments.errors.inc();
                if error.is_terminal() {
                    instruments.terminal_errors.inc();
                }
                self.fail(key, priority, &error);
            }
        }
    }

    /// The key comes again when the dependency changes, at once if it may have changed since `before`.
    fn wait_for(&self, dependency: &Dependency, item: &QueueItem<ObjectKey>, before: u64) {
        let (controller, key) = (&self.shared.controller, item.key());
        let Dependency { resource, key: object } = dependency;
        tracing::info!(controller, %key, %resource, %object, "reconcile waits for another object");
        self.instruments.waits.inc();
        self.shared.orders.follow(resource.clone());
        let has_changed = self.shared.waits.wait(key, dependency, before);
        let delay = if has_changed { Duration::ZERO } else { LONGEST_WAIT };
        self.queue.add_after_with(key.clone(), delay, item.priority());
    }

    /// A failure is counted, and tried again or given up.
    fn fail(&self, key: &ObjectKey, priority: Priority, error: &ReconcileError) {
        let (controller, text) = (&self.shared.controller, chain(error));
        match self.parking.failed(key, priority, error) {
            Verdict::Again(again_in) => {
                tracing::warn!(controller, %key, ?again_in, error = text, "reconcile failed");
            }
            Verdict::Parked => tracing::error!(controller, %key, error = text, "reconcile failed for good"),
            Verdict::Refused(again_in) => tracing::error!(
                controller, %key, ?again_in, error = text,
                "reconcile failed for good, and the list of dead letters is full"
            ),
        }
    }
}
