//! Several objects in one reconcile.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::{Action, Context, ReconcileError};
use crate::{Object, ObjectKey};

/// Brings the world in line with several objects at a time: where one request for many costs little more than one for
/// one.
///
/// **Flow.** Keys are gathered from the queue, as [`Batches`] says, and reconciled together; each has a result of its
/// own, with retries, delays, dead letters and own writes as if it had been reconciled alone.
///
/// **Guarantees.** A key is in at most one batch at a time (Q-I1), and once in it. The failure of one key does not
/// concern the others; an error of the whole batch, a panic or a timeout counts as a failure of each of its keys. A key
/// without a result counts as failed.
///
/// **Cancellation.** The future is dropped when the timeout of the controller passes, counted from the end of the
/// gathering, or when its grace period at shutdown ends.
pub trait BatchReconciler: Send + Sync + 'static {
    /// The type reconciled.
    type Object: Object;

    /// Called with the objects about which something may have changed. Use each one's own context for what is done on
    /// its behalf: writes through it are tracked for that object.
    fn reconcile_batch(
        &self,
        batch: &[BatchItem<Self::Object>],
    ) -> impl Future<Output = Result<BatchResults, ReconcileError>> + Send;

    /// Called when an object has left the cache, for each alone: see
    /// [`Reconciler::deleted`](super::Reconciler::deleted).
    fn deleted(
        &self,
        key: &ObjectKey,
        context: &Context<Self::Object>,
    ) -> impl Future<Output = Result<Action, ReconcileError>> + Send {
        let _ = (key, context);
        std::future::ready(Ok(Action::done()))
    }
}

/// How keys are gathered into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    pub(super) most: usize,
    pub(super) within: Duration,
}

impl Batches {
    /// Up to `most` keys (at least one) in a batch. A batch that is not full waits for 50 ms for more.
    #[must_use]
    pub fn of(most: usize) -> Self {
        Self { most: most.max(1), within: Duration::from_millis(50) }
    }

    /// How long a batch that is not full waits for more, from its first key on. A worker gathers meanwhile.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { within: time, ..self }
    }
}

/// One object of a batch.
pub struct BatchItem<T> {
    pub(super) object: Arc<T>,
    pub(super) context: Context<T>,
}

impl<T: Object> BatchItem<T> {
    /// The object.
    pub fn object(&self) -> &Arc<T> {
        &self.object
    }

    /// What its reconcile is given.
    pub fn context(&self) -> &Context<T> {
        &self.context
    }

    /// Its key.
    pub fn key(&self) -> &ObjectKey {
        self.context.key()
    }
}

impl<T> fmt::Debug for BatchItem<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BatchItem").field("key", &self.context.key).finish_non_exhaustive()
    }
}

/// What became of each key of a batch. Collects from pairs of key and result.
#[derive(Debug, Default)]
pub struct BatchResults {
    by_key: IndexMap<ObjectKey, Result<Action, ReconcileError>>,
    others_done: bool,
}

impl BatchResults {
    /// All keys are done, but for those of which something else is said.
    #[must_use]
    pub fn all_done() -> Self {
        Self { by_key: IndexMap::new(), others_done: true }
    }

    /// Says what became of a key; what was said before about it is forgotten. Keys that are not in the batch are
    /// ignored.
    pub fn set(&mut self, key: ObjectKey, result: Result<Action, ReconcileError>) {
        self.by_key.insert(key, result);
    }

    /// What became of a key.
    pub(super) fn take(&mut self, key: &ObjectKey) -> Result<Action, ReconcileError> {
        match self.by_key.swap_remove(key) {
            Some(result) => result,
            None if self.others_done => Ok(Action::done()),
            None => {
                Err(ReconcileError::retryable_because("LeftOut", "the batch has no result for this object"))
            }
        }
    }
}

impl FromIterator<(ObjectKey, Result<Action, ReconcileError>)> for BatchResults {
    fn from_iter<I: IntoIterator<Item = (ObjectKey, Result<Action, ReconcileError>)>>(pairs: I) -> Self {
        Self { by_key: pairs.into_iter().collect(), others_done: false }
    }
}
