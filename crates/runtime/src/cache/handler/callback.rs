//! What a handler is.

use std::future::Future;

use crate::cache::Change;

/// Code that is called with each change. Closures from a [`Change`] to a future are handlers.
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
