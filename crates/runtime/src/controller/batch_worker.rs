//! A batch from the queue to its consequences.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::batch::{BatchItem, BatchReconciler, Batches};
use super::worker::Work;
use super::{Action, Context, ReconcileError, Reconciler};
use crate::ObjectKey;
use crate::queue::QueueItem;

type Item = QueueItem<ObjectKey>;

/// A batch reconciler as a reconciler of one: a batch of one key, and the way for deleted objects.
pub(super) struct Batched<B> {
    inner: B,
    batches: Batches,
    /// The batch that gathers at present. One at most: workers with a key each join instead of opening one each.
    open: Mutex<Option<Arc<Gathering>>>,
}

/// A batch that waits for more keys. Its worker is its leader.
#[derive(Default)]
struct Gathering {
    items: Mutex<Vec<Item>>,
    full: Notify,
}

impl<B: BatchReconciler> Batched<B> {
    pub(super) fn new(inner: B, batches: Batches) -> Self {
        Self { inner, batches, open: Mutex::default() }
    }

    /// Adds a key to the batch that gathers. Returns a batch to lead if there was none.
    fn join(&self, item: Item) -> Option<Arc<Gathering>> {
        let mut open = self.open.lock();
        let is_leader = open.is_none();
        let gathering = Arc::clone(open.get_or_insert_default());
        self.push(&mut open, &gathering, item);
        is_leader.then_some(gathering)
    }

    /// Adds a key to a batch that its worker leads; gives it back if somebody else has filled that meanwhile.
    fn add(&self, gathering: &Arc<Gathering>, item: Item) -> Result<(), Item> {
        let mut open = self.open.lock();
        if !open.as_ref().is_some_and(|open| Arc::ptr_eq(open, gathering)) {
            return Err(item);
        }
        self.push(&mut open, gathering, item);
        Ok(())
    }

    /// Adds a key to the open batch, and closes that when it is full.
    fn push(&self, open: &mut Option<Arc<Gathering>>, gathering: &Gathering, item: Item) {
        let mut items = gathering.items.lock();
        items.push(item);
        if items.len() >= self.batches.most {
            *open = None;
            gathering.full.notify_one();
        }
    }

    /// Ends the gathering, and gives what was gathered.
    fn close(&self, gathering: &Arc<Gathering>) -> Vec<Item> {
        let mut open = self.open.lock();
        if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, gathering)) {
            *open = None;
        }
        std::mem::take(&mut gathering.items.lock())
    }
}

impl<B: BatchReconciler> Reconciler for Batched<B> {
    type Object = B::Object;

    async fn reconcile(
        &self,
        object: Arc<B::Object>,
        context: &Context<B::Object>,
    ) -> Result<Action, ReconcileError> {
        let batch = [BatchItem { object, context: context.clone() }];
        self.inner.reconcile_batch(&batch).await?.take(context.key())
    }

    async fn deleted(&self, key: &ObjectKey, context: &Context<B::Object>) -> Result<Action, ReconcileError> {
        self.inner.deleted(key, context).await
    }
}

/// Serves a key together with others: as the leader of a batch, or by joining one.
pub(super) fn serve_batch<B: BatchReconciler>(work: &Work<Batched<B>>, first: Item) -> BoxFuture<'_, ()> {
    async move {
        let Some(gathering) = work.reconciler.join(first) else { return };
        let deadline = Instant::now() + work.reconciler.batches.within;
        loop {
            tokio::select! {
                biased;
                () = gathering.full.notified() => break,
                item = work.queue.get() => match item {
                    Some(item) => if let Err(item) = work.reconciler.add(&gathering, item) {
                        work.queue.add_with(item.key().clone(), item.priority());
                        break;
                    },
                    None => break,
                },
                () = sleep_until(deadline) => break,
            }
        }
        let items = work.reconciler.close(&gathering);
        work.serve_all(items).await;
    }
    .boxed()
}

/// A key whose object is to be reconciled, and what [`Work::settle`] has to know.
type Ready<T> = (Item, Option<Arc<T>>, u64);

impl<B: BatchReconciler> Work<Batched<B>> {
    /// Serves the keys of a batch: those without an object alone, all others together.
    async fn serve_all(&self, items: Vec<Item>) {
        let ready: Vec<Ready<B::Object>> =
            join_all(items.into_iter().map(|item| self.ready(item))).await.into_iter().flatten().collect();
        let (present, gone): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|(_, object, _)| object.is_some());
        let together = async {
            if !present.is_empty() {
                self.serve_present(present).await;
            }
        };
        tokio::join!(together, join_all(gone.into_iter().map(|gone| self.serve_gone(gone))));
    }

    /// Runs code of the user's for a key. A panic counts as a failure of that key.
    async fn guarded<T>(&self, item: &Item, work: impl Future<Output = T>) -> Option<T> {
        let outcome = AssertUnwindSafe(work).catch_unwind().await;
        outcome.inspect_err(|panic| self.retry_after_panic(item.key(), item.priority(), &**panic)).ok()
    }

    async fn ready(&self, item: Item) -> Option<Ready<B::Object>> {
        let (object, before) = self.guarded(&item, self.prepare(&item)).await??;
        Some((item, object, before))
    }

    async fn serve_gone(&self, (item, _, before): Ready<B::Object>) {
        if let Some(outcome) = self.guarded(&item, self.attempt(item.key(), None)).await {
            self.settle(&item, outcome, before);
        }
    }

    async fn serve_present(&self, present: Vec<Ready<B::Object>>) {
        let mut batch = Vec::with_capacity(present.len());
        let mut held = Vec::with_capacity(present.len());
        for (item, object, before) in present {
            if let Some(object) = object {
                let context = Context::new(&self.shared, item.key(), Some(&*object));
                batch.push(BatchItem { object, context });
                held.push((item, before));
            }
        }
        let id = self.shared.environment.random_uuid();
        let controller = &self.shared.controller;
        let span = tracing::info_span!("reconcile batch", controller, keys = batch.len(), reconcile_id = id);
        let work = self.limited(self.reconciler.inner.reconcile_batch(&batch));
        // A panic while the future is dropped, too, is one of the batch.
        let outcome = AssertUnwindSafe(work.instrument(span)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|panic| Err(self.panicked(&*panic)));
        drop(batch);
        match outcome {
            Ok(mut results) => {
                for (item, before) in held {
                    let result = results.take(item.key());
                    self.settle(&item, result, before);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for (item, before) in held {
                    self.settle(&item, Err(ReconcileError::shared(&error)), before);
                }
            }
        }
    }
}
