//! A subscriber's view of an informer: every version.

use std::sync::Arc;

use pilothouse_machinery::ResourceVersion;

use super::queue::Taken;
use super::versions::VersionQueue;
use super::{LosslessOptions, Synced};
use crate::cache::Change;
use crate::cache::informer::Informer;

/// What was lost because a lossless subscription was full.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Everything up to this version was told before the gap.
    pub after: ResourceVersion,
    /// The version of the last change that was lost; what follows is told after the gap.
    pub until: ResourceVersion,
    /// How many changes were lost.
    pub lost: u64,
}

/// What a lossless subscriber is told.
#[derive(Clone, Debug)]
pub enum LosslessEvent {
    /// A version of an object. Its previous one is that of the cache, which may have fallen into a gap.
    Change(Change),
    /// Changes were lost here.
    Gap(Gap),
}

/// Every version of the objects of one type that the informer sees, in order.
///
/// **Flow.** First the state at the time of the subscription (or, before the first list, that list) as initial
/// additions: in key order, except that what changes before its turn comes first. Then every version, in the
/// order in which the informer took it in (conformance F9). After a lost watch the informer lists: versions between
/// are not seen by anybody, and each difference shows as one change.
///
/// **Guarantees.**
///
/// - **F9** nothing is merged, and versions come in the order in which the informer took them in;
/// - **F20** what waits is bounded in bytes of objects (see [`LosslessOptions::limit`]); beyond the limit the
///   subscription does what [`WhenFull`](super::WhenFull) says. With a stall one batch (what the watch had ready, or
///   the differences of one list) may go beyond the limit. Of the state to start from only 128 objects are read ahead,
///   which do not count;
/// - **S7** every object comes once as an initial addition;
/// - **C-I14** a subscription keeps its informer running.
///
/// **Cancellation.** Dropping the subscription ends it, and releases an informer that stalls for it; dropping a
/// future loses nothing.
///
/// **Errors.** A [`Gap`] says what was lost; the end says that the informer has stopped.
///
/// **Panics.** Never. A filter that panics does not match.
#[derive(Debug)]
pub struct LosslessSubscription {
    queue: Arc<VersionQueue>,
    informer: Informer,
}

impl LosslessSubscription {
    pub(in crate::cache) fn new(informer: Informer, options: LosslessOptions) -> Self {
        let queue = Arc::new(VersionQueue::new(options, Arc::clone(informer.core().room())));
        informer.core().add(Arc::clone(&queue) as _);
        Self { queue, informer }
    }

    /// The next event, or `None` when the informer has stopped and everything was taken.
    ///
    /// Asking for the next event says that the one before is dealt with. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LosslessEvent> {
        loop {
            let mut next = None;
            match self.take(1, |event| next = Some(event)) {
                Taken::Some => return next,
                Taken::End => return None,
                Taken::ReadAhead | Taken::Nothing => self.queue.arrived.notified().await,
            }
        }
    }

    /// The next events, at most `max` and at least one; none at all when the informer has stopped and everything
    /// was taken, or `max` is 0.
    ///
    /// A batch names each object at most once, and has either only initial changes or none (conformance F14).
    /// Asking for the next batch says that the one before is dealt with. Dropping the future loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Vec<LosslessEvent> {
        let mut batch = Vec::new();
        if max == 0 {
            return batch;
        }
        loop {
            match self.take(max, |event| batch.push(event)) {
                Taken::Some | Taken::End => return batch,
                Taken::ReadAhead | Taken::Nothing => self.queue.arrived.notified().await,
            }
        }
    }

    /// The next event if one waits. Asking says that the one before is dealt with.
    pub fn try_next(&mut self) -> Option<LosslessEvent> {
        let mut next = None;
        self.take(1, |event| next = Some(event));
        next
    }

    fn take(&mut self, max: usize, mut give: impl FnMut(LosslessEvent)) -> Taken {
        loop {
            match self.queue.take(max, &mut give) {
                Taken::ReadAhead => self.informer.core().read_ahead(&*self.queue),
                taken => return taken,
            }
        }
    }

    /// Whether this subscriber has dealt with the state it started from (conformance S8).
    #[must_use]
    pub fn has_synced(&self) -> bool {
        self.queue.synced.is_raised()
    }

    /// A handle that others can wait on for [`has_synced`](Self::has_synced).
    #[must_use]
    pub fn synced(&self) -> Synced {
        Synced(self.queue.synced.clone())
    }

    /// How many bytes wait, as [`LosslessOptions::limit`] counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queue.bytes()
    }
}

impl Drop for LosslessSubscription {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
