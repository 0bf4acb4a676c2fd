//! A subscriber's view of an informer: the latest change per object.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::queue::{ChangeQueue, Taken};
use super::resync::Resync;
use super::{SubscriptionOptions, Synced};
use crate::cache::Change;
use crate::cache::informer::Informer;

/// How many objects a resync looks at before it lets the informer write.
const RESYNC_LOOK: usize = 256;

/// Changes of the objects of one type, the latest per object.
///
/// **Flow.** First the state there is (or, before the first list, that list) as initial additions in key order,
/// then changes in the order in which their objects first changed; between them, when nothing else waits,
/// resyncs for those who ask.
///
/// **Guarantees.**
///
/// - **B-I1** however slow the subscriber is, no more than one change per object waits for it;
/// - **B-I2** an object that is created and deleted after the subscription while nobody looks shows as a deletion; of
///   those the newest 1024 are kept;
/// - **S7** the initial state is read from the store as the subscriber goes, and nothing of it is copied: an object
///   that changes before it was told is told once, in its newest state, and one that is deleted before is not told;
/// - **S9** neither the informer nor other subscribers wait for it;
/// - **F17** the store is never older than a change that was taken;
/// - **C-I14** a subscription keeps its informer running.
///
/// **Cancellation.** Dropping the subscription ends it; dropping a future loses nothing.
///
/// **Errors.** None: the end says that the informer has stopped, and [`Informer::failure`] why, when it panicked.
///
/// **Panics.** Never. A filter that panics does not match.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<ChangeQueue>,
    resync: Option<Resync>,
    informer: Informer,
}

impl Subscription {
    pub(in crate::cache) fn new(informer: Informer, options: SubscriptionOptions) -> Self {
        let queue = Arc::new(ChangeQueue::new(options.name, options.filter));
        informer.core().add(Arc::clone(&queue) as _);
        let (tick, origin) = (informer.options().shortest_resync(), informer.core().started());
        let resync = options.resync.map(|period| Resync::new(period, tick, origin));
        Self { queue, resync, informer }
    }

    /// The same subscription under a name, for metrics.
    #[must_use]
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        self.queue.rename(name.into());
        self
    }

    /// The next change, or `None` when the informer has stopped and everything was taken.
    ///
    /// Asking for the next change says that the one before is dealt with. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let mut next = None;
            match self.take(1, |change| next = Some(change)) {
                Taken::Some => return next,
                Taken::End => return None,
                Taken::ReadAhead | Taken::Nothing => self.wait().await,
            }
        }
    }

    /// The next changes, at most `max` and at least one; none at all when the informer has stopped and everything
    /// was taken, or `max` is 0.
    ///
    /// A batch names each object once, and has either only initial changes or none (conformance F14). Asking for
    /// the next batch says that the one before is dealt with. Dropping the future loses nothing.
    pub async fn next_batch(&mut self, max: usize) -> Vec<Change> {
        let mut batch = Vec::new();
        if max == 0 {
            return batch;
        }
        loop {
            match self.take(max, |change| batch.push(change)) {
                Taken::Some | Taken::End => return batch,
                Taken::ReadAhead | Taken::Nothing => self.wait().await,
            }
        }
    }

    /// The next change if one waits. Asking says that the one before is dealt with.
    pub fn try_next(&mut self) -> Option<Change> {
        let mut next = None;
        self.take(1, |change| next = Some(change));
        next
    }

    fn take(&mut self, max: usize, mut give: impl FnMut(Change)) -> Taken {
        loop {
            match self.queue.take(max, &mut give) {
                Taken::ReadAhead => self.informer.core().read_ahead(&*self.queue),
                Taken::Nothing => return self.take_resync(max, give),
                taken => return taken,
            }
        }
    }

    /// Tells again what is due, if nothing else waits. Whoever writes to the store waits meanwhile, so that
    /// nothing is told that is older (conformance F7) or newer than what the subscriber was told of it.
    fn take_resync(&mut self, max: usize, mut give: impl FnMut(Change)) -> Taken {
        let Some(resync) = &mut self.resync else { return Taken::Nothing };
        if !self.queue.synced.is_raised() {
            return Taken::Nothing;
        }
        let (now, queue) = (Instant::now(), &self.queue);
        let mut taken = 0;
        loop {
            let is_due = self.informer.core().with_all_told(|snapshot| {
                let mut looked_at = 0;
                while resync.is_due(now, snapshot.len()) {
                    if taken == max || looked_at == RESYNC_LOOK || !queue.is_idle() {
                        return taken < max && queue.is_idle();
                    }
                    looked_at += 1;
                    let object = snapshot.after(resync.after()).next();
                    resync.tell(object.map(|object| object.key()));
                    if let Some(object) = object.filter(|object| queue.filter.matches(object)) {
                        taken += 1;
                        give(Change::again(Arc::clone(object)));
                    }
                }
                false
            });
            if !is_due {
                return if taken > 0 { Taken::Some } else { Taken::Nothing };
            }
        }
    }

    /// Waits until there may be something to take.
    async fn wait(&self) {
        let tick = self.resync.as_ref().and_then(Resync::next_tick);
        match tick {
            None => self.queue.arrived.notified().await,
            Some(tick) => tokio::select! {
                biased;
                () = self.queue.arrived.notified() => {}
                () = sleep_until(tick) => {}
            },
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

    /// How many changes wait. Of the state the subscriber starts from, only what has been read ahead counts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no change waits, of the state the subscriber starts from neither.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_idle()
    }
}
