//! The task that keeps an informer up to date.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Core, InformerFailure};
use crate::cache::reflector::{Reflector, ReflectorEvent};

/// How long subscribers, filters and indexes may take with one batch before the informer counts as late.
const WORK: Duration = Duration::from_mins(1);

/// Closes the core also when the task that feeds it is dropped.
struct CloseAtEnd(Arc<Core>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

/// Feeds `core` until `token` is cancelled or something panics; the core is closed at the end, however it
/// comes about, and told of a panic.
pub(super) async fn follow(core: Arc<Core>, reflector: Reflector, token: CancellationToken) {
    let core = CloseAtEnd(core);
    let feeding = AssertUnwindSafe(feed(&core.0, reflector, token)).catch_unwind();
    if let Err(panic) = feeding.await {
        let failure = InformerFailure::new(core.0.resource(), crate::manager::message(&*panic));
        tracing::error!(error = %failure, "an informer failed");
        core.0.close(Some(failure));
    }
}

async fn feed(core: &Core, mut reflector: Reflector, token: CancellationToken) {
    let mut list = Vec::new();
    loop {
        let event = tokio::select! {
            biased;
            () = token.cancelled() => return,
            event = async { core.room_for_more().await; reflector.next().await } => event,
        };
        core.health().pulse().due_at(Instant::now() + WORK);
        match event {
            ReflectorEvent::ListStarted(_) => list.clear(),
            ReflectorEvent::ListItems(items) => {
                let known = core.store().snapshot();
                // What is unchanged is dropped right away, so that a relist does not hold everything twice.
                list.extend(items.into_iter().map(|item| match known.get(item.key()) {
                    Some(same) if same.is_same_version(&item) => Arc::clone(same),
                    _ => item,
                }));
            }
            ReflectorEvent::ListCompleted(mut end) => {
                core.health().set(None);
                end.amend(&mut list);
                core.replace(std::mem::take(&mut list), &end);
            }
            ReflectorEvent::WatchOpened => core.health().set(None),
            ReflectorEvent::Watched(events) => core.apply(events),
        }
    }
}
