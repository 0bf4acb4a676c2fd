//! What a successful reconcile asks for.

use std::time::Duration;

/// What happens after a successful reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Action {
    pub(super) again_in: Option<Duration>,
}

impl Action {
    /// Nothing until something changes.
    pub fn done() -> Self {
        Self { again_in: None }
    }

    /// Another reconcile after `delay`, if nothing causes one before. At once when it is zero.
    pub fn again_in(delay: Duration) -> Self {
        Self { again_in: Some(delay) }
    }
}
