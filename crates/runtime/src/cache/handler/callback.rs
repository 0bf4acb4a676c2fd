//! What a handler is.

use std::future::Future;

use crate::cache::Change;

/// Code that is called with each change. Closures from a [`Change`] to a future are handlers.
///
/// **Guarantees.**
///
/// - **S10** one call at a time; none runs or comes after the removal of the handler was awaited;
/// - **S15** a panic concerns this handler alone: [`OnPanic`](super::OnPanic) says what follows.
///
/// **Cancellation.** The removal of a handler does not cut a call short.
pub trait Handler: Send + 'static {
    /// Deals with a change. The next call comes after the future of this one has completed.
    fn handle(&mut self, change: Change) -> impl Future<Output = ()> + Send;
}

impl<F, R> Handler for F
where
    F: FnMut(Change) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    fn handle(&mut self, change: Change) -> impl Future<Output = ()> + Send {
        self(change)
    }
}
