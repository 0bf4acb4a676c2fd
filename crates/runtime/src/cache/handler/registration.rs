//! The handle of a registered handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::HandlerPanic;
use crate::cache::Synced;
use crate::cache::flag::Flag;

/// A handler that an informer calls, until this is dropped.
///
/// **Flow.** [`Informer::handle`](crate::cache::Informer::handle) gives one; [`remove`](Self::remove), or dropping it,
/// takes the handler out.
///
/// **Guarantees.**
///
/// - **S8** [`has_synced`](Self::has_synced) is false until the last initial change was handled;
/// - **S9** removal concerns this handler alone, and others lose nothing; a registration is the only way to remove a
///   handler, so a handle of another informer cannot be confused with it;
/// - **S10** when [`remove`](Self::remove) returns, no call is running and none will come;
/// - **C-I14** as long as the handler is registered, its informer runs.
///
/// **Cancellation.** Dropping the registration removes the handler without waiting: a call that is under way
/// completes, and no other follows. [`detach`](Self::detach) leaves it registered instead.
///
/// **Errors.** [`HandlerPanic`] from [`wait`](Self::wait).
///
/// **Panics.** Never. What panics of the handler do is said by [`OnPanic`](super::OnPanic) (S15).
#[derive(Debug)]
#[must_use = "dropping a registration removes the handler"]
pub struct Registration {
    shared: Arc<Shared>,
    synced: Synced,
    is_detached: bool,
}

/// What the handler's task and its registration share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) removal: CancellationToken,
    pub(super) ended: Flag,
    pub(super) panic: Mutex<Option<HandlerPanic>>,
    pub(super) panics: AtomicU64,
}

impl Registration {
    pub(super) fn new(shared: Arc<Shared>, synced: Synced) -> Self {
        Self { shared, synced, is_detached: false }
    }

    /// Removes the handler. When this returns, no call is running and none will come (conformance S10). Removing
    /// twice, before the informer has its first list, or after it stopped is fine, and does not wait for it.
    ///
    /// A handler that awaits its own removal waits for itself, for ever: drop the registration there.
    ///
    /// **Cancellation.** Dropping the future does not undo the removal.
    pub async fn remove(&self) {
        self.shared.removal.cancel();
        self.shared.ended.raised().await;
    }

    /// Waits until the handler is not called any more: because it was removed, because the informer stopped, or
    /// with an error because it panicked under [`OnPanic::Stop`](super::OnPanic::Stop). Dropping the future stops
    /// the wait.
    pub async fn wait(&self) -> Result<(), HandlerPanic> {
        self.shared.ended.raised().await;
        self.shared.panic.lock().clone().map_or(Ok(()), Err)
    }

    /// Whether the handler is not called any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.shared.ended.is_raised()
    }

    /// How often the handler panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Whether the handler has dealt with the state it started from (conformance S8).
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.synced.is_done()
    }

    /// A handle that others can wait on for [`has_synced`](Self::has_synced).
    #[must_use]
    pub fn synced(&self) -> Synced {
        self.synced.clone()
    }

    /// Leaves the handler registered for as long as the informer runs. It keeps the informer running until the
    /// registry that it came from is shut down.
    pub fn detach(mut self) {
        self.is_detached = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.is_detached {
            self.shared.removal.cancel();
        }
    }
}
