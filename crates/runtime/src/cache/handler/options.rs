//! How a handler is called.

use std::time::Duration;

use crate::cache::SubscriptionOptions;

/// What happens when a handler panics (conformance S15). Other handlers go on in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// The handler is not called any more, and [`Registration::wait`](super::Registration::wait) gives the panic.
    #[default]
    Stop,
    /// The change is skipped, the panic is logged and counted, and the handler goes on after a pause.
    Skip {
        /// How long to wait before the next change.
        pause: Duration,
    },
}

/// How a handler is called, and with what.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HandlerOptions {
    pub(super) subscription: SubscriptionOptions,
    pub(super) on_panic: OnPanic,
}

impl HandlerOptions {
    /// What the handler is told: filter, resync, name.
    pub fn subscription(mut self, options: SubscriptionOptions) -> Self {
        self.subscription = options;
        self
    }

    /// What happens when the handler panics. Default: [`OnPanic::Stop`].
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }
}
