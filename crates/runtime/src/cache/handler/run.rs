//! The task that calls a handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use pilothouse_machinery::ResourceType;

use super::registration::Shared;
use super::{HandleError, Handler, HandlerOptions, HandlerPanic, OnPanic, Registration};
use crate::cache::{Informer, Subscription};

/// Registers a handler with an informer.
pub(in crate::cache) fn start(
    informer: &Informer,
    options: HandlerOptions,
    handler: impl Handler,
) -> Result<Registration, HandleError> {
    if informer.is_stopped() {
        return Err(HandleError::Stopped { resource: informer.resource_type().clone() });
    }
    let HandlerOptions { subscription, on_panic } = options;
    let subscription = informer.subscribe_with(subscription);
    let synced = subscription.synced();
    let shared = Arc::<Shared>::default();
    let resource = informer.resource_type().clone();
    let calls = Calls { subscription, shared: EndAtDrop(Arc::clone(&shared)), on_panic, resource };
    informer.core().environment().spawn("handler", calls.run(handler));
    Ok(Registration::new(shared, synced))
}

/// Says that the handler has ended also when its task is dropped.
struct EndAtDrop(Arc<Shared>);

impl Drop for EndAtDrop {
    fn drop(&mut self) {
        self.0.ended.raise();
    }
}

struct Calls {
    subscription: Subscription,
    on_panic: OnPanic,
    resource: ResourceType,
    /// Last, so that the subscription is over before the end is told.
    shared: EndAtDrop,
}

impl Calls {
    async fn run(mut self, mut handler: impl Handler) {
        let removal = self.shared.0.removal.clone();
        loop {
            let change = tokio::select! {
                biased;
                () = removal.cancelled() => return,
                change = self.subscription.next() => change,
            };
            let Some(change) = change else { return };
            // A call is not cut short by the removal: it may be half through something.
            let call = AssertUnwindSafe(async { handler.handle(change).await }).catch_unwind();
            let Err(panic) = call.await else { continue };
            let message = crate::manager::message(&*panic);
            self.shared.0.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(resource = %self.resource, panic = message, "a handler panicked");
            match self.on_panic {
                OnPanic::Stop => {
                    let panic = HandlerPanic { resource: self.resource.clone(), message };
                    *self.shared.0.panic.lock() = Some(panic);
                    return;
                }
                OnPanic::Skip { pause } => tokio::select! {
                    biased;
                    () = removal.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                },
            }
        }
    }
}
