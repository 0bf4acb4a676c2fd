//! Calls of what is not Kubernetes.

use std::sync::Arc;

use super::Context;
use crate::Object;
use crate::dependency::{CallError, Caller, Dependency};

impl<T: Object> Context<T> {
    /// Calls a dependency: `call` runs if the [`Dependency`]'s bulkhead and circuit breaker let it pass.
    ///
    /// Any failure of the call speaks against the dependency; see [`call_blaming`](Self::call_blaming) for others.
    /// Hand the error on with `?`: then an object whose call was rejected is postponed, without counting as failed.
    ///
    /// Dropping the future drops the call, which counts as failed if it had begun.
    pub async fn call<R, E>(
        &self,
        dependency: &Dependency,
        call: impl Future<Output = Result<R, E>>,
    ) -> Result<R, CallError<E>> {
        self.call_blaming(dependency, |_| true, call).await
    }

    /// As [`call`](Self::call), where only failures of which `is_to_blame` says so speak against the dependency. A
    /// refusal of what was asked (not found, invalid) shows that it works.
    ///
    /// Dropping the future drops the call, which counts as failed if it had begun.
    pub async fn call_blaming<R, E>(
        &self,
        dependency: &Dependency,
        is_to_blame: impl Fn(&E) -> bool,
        call: impl Future<Output = Result<R, E>>,
    ) -> Result<R, CallError<E>> {
        let controller = Arc::as_ptr(&self.shared).addr();
        let (environment, metrics) = (&self.shared.environment, &self.shared.metrics);
        let caller = Caller { controller, key: &self.key, environment, metrics };
        dependency.call(caller, is_to_blame, call).await
    }
}
