//! What the queue's core needs from the world, so that a model checker can take its place.

use parking_lot::Mutex;
use tokio::time::Instant;

/// A lock and a clock.
pub(super) trait Platform: Send + Sync + 'static {
    /// The lock.
    type Lock<T: Send>: Lock<T> + Send + Sync;

    fn now(&self) -> Instant;

    fn sleep_until(&self, due: Instant) -> impl Future<Output = ()> + Send;
}

/// Mutual exclusion.
pub(super) trait Lock<T> {
    fn new(value: T) -> Self;

    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R;
}

/// The real one.
#[derive(Debug)]
pub(super) struct Tokio;

impl Platform for Tokio {
    type Lock<T: Send> = Mutex<T>;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, due: Instant) -> impl Future<Output = ()> + Send {
        tokio::time::sleep_until(due)
    }
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    #[inline]
    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.lock())
    }
}
