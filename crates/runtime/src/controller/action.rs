//! What a successful reconcile asks for.

use std::time::Duration;

use crate::Priority;

/// What happens after a successful reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Action {
    pub(super) again_in: Option<Duration>,
    pub(super) priority: Option<Priority>,
}

impl Action {
    /// Nothing until something changes.
    pub fn done() -> Self {
        Self { again_in: None, priority: None }
    }

    /// Another reconcile after `delay`, if nothing causes one before. At once when it is zero. It stands in the band of
    /// the request that this reconcile answers.
    pub fn again_in(delay: Duration) -> Self {
        Self { again_in: Some(delay), priority: None }
    }

    /// The other reconcile stands in this band, as controller-runtime's `Result.Priority` has it. Without one
    /// ([`done`](Self::done)) it means nothing.
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority: Some(priority), ..self }
    }
}
