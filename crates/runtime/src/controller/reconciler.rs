//! What a user writes.

use std::future::Future;
use std::sync::Arc;

use super::{Action, Context, ReconcileError};
use crate::{Object, ObjectKey};

/// Brings the world in line with an object.
///
/// **Flow.** Level-triggered: a call says that something about the object may have changed, not what. Look at
/// the caches, make the difference go away, be prepared to be called again.
///
/// **Cancellation.** The future is dropped when the timeout of the controller passes or when its grace period
/// at shutdown ends; whatever it awaited at that point may or may not have happened.
///
/// **Panics.** A panic counts as a retryable error; the reconciler is used again afterwards.
pub trait Reconciler: Send + Sync + 'static {
    /// The type reconciled.
    type Object: Object;

    /// Called whenever something about `object` may have changed.
    fn reconcile(
        &self,
        object: Arc<Self::Object>,
        context: &Context<Self::Object>,
    ) -> impl Future<Output = Result<Action, ReconcileError>> + Send;

    /// Called when an object has left the cache, until it succeeds once without asking to be called again;
    /// also for objects whose deletion a broken watch did not report. Not called for an object that was
    /// deleted while no controller ran: what must not be missed needs a finalizer
    /// ([`Context::add_finalizer`]). When the object has been created again before the call, there is none.
    fn deleted(
        &self,
        key: &ObjectKey,
        context: &Context<Self::Object>,
    ) -> impl Future<Output = Result<Action, ReconcileError>> + Send {
        let _ = (key, context);
        std::future::ready(Ok(Action::done()))
    }
}
