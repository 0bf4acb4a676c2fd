//! A subscriber's view of an informer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use pilothouse_machinery::ObjectKey;
use tokio::sync::Notify;

use super::flag::Flag;
use super::informer::Informer;
use super::store::Written;
use super::{Change, Snapshot};

/// Changes of the objects of one type, the latest per object.
///
/// **Guarantees.** Changes come in the order in which their objects first changed. However slow the subscriber
/// is, no more than one change per object waits for it, and neither the informer nor other subscribers wait.
/// The store is never older than a change that was taken. A subscription keeps its informer running.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<ChangeQueue>,
    _informer: Informer,
}

/// Whether (and until when) a subscriber has not yet worked off the state it started from.
#[derive(Clone, Debug)]
pub struct Synced(Flag);

impl Synced {
    /// Whether the subscriber has taken the last initial change and come back for more (conformance F10).
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_raised()
    }

    /// Waits for [`is_done`](Self::is_done). Never returns when the informer or the subscription ends before.
    pub async fn done(&self) {
        self.0.raised().await;
    }
}

/// What waits for one subscriber.
#[derive(Debug, Default)]
pub(super) struct ChangeQueue {
    state: Mutex<State>,
    arrived: Notify,
    synced: Flag,
}

#[derive(Debug, Default)]
struct State {
    order: VecDeque<ObjectKey>,
    changes: BTreeMap<ObjectKey, Change>,
    /// Initial changes that wait, or that the subscriber holds and has not come back from.
    initial_left: usize,
    holds_initial: bool,
    list_complete: bool,
    closed: bool,
}

impl ChangeQueue {
    /// Queues the present state as initial changes, for a subscriber that comes late.
    pub(super) fn prime(&self, snapshot: &Snapshot, list_complete: bool) {
        let added = snapshot.iter().map(|object| Written {
            kind: super::ChangeKind::Added,
            object: Arc::clone(object),
            previous: None,
        });
        self.push(added, true);
        if list_complete {
            self.complete_list();
        }
    }

    pub(super) fn push(&self, written: impl IntoIterator<Item = Written>, initial: bool) {
        let mut state = self.state.lock();
        for Written { kind, object, previous } in written {
            let change = Change { kind, object, previous, initial };
            state.push(change);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// The first list has been queued in full.
    pub(super) fn complete_list(&self) {
        let mut state = self.state.lock();
        state.list_complete = true;
        self.check_synced(&state);
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
    }

    fn check_synced(&self, state: &State) {
        if state.list_complete && state.initial_left == 0 {
            self.synced.raise();
        }
    }

    /// The next change, or the end, where there is either.
    fn take(&self) -> Poll<Option<Change>> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.holds_initial) {
            state.initial_left -= 1;
            self.check_synced(&state);
        }
        let next = state.order.pop_front().and_then(|key| state.changes.remove(&key));
        state.holds_initial = next.as_ref().is_some_and(|change| change.initial);
        match next {
            None if !state.closed => Poll::Pending,
            next => Poll::Ready(next),
        }
    }
}

impl State {
    fn push(&mut self, change: Change) {
        let initial = change.initial;
        let merged = if let Some(earlier) = self.changes.remove(change.key()) {
            self.initial_left += usize::from(initial && !earlier.initial);
            earlier.followed_by(change)
        } else {
            self.initial_left += usize::from(initial);
            self.order.push_back(change.key().clone());
            change
        };
        self.changes.insert(merged.key().clone(), merged);
    }
}

impl Subscription {
    pub(super) fn new(queue: Arc<ChangeQueue>, informer: Informer) -> Self {
        Self { queue, _informer: informer }
    }

    /// The next change, or `None` when the informer has stopped and everything was taken.
    ///
    /// Asking for the next change says that the one before is dealt with. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if let Poll::Ready(next) = self.queue.take() {
                return next;
            }
            self.queue.arrived.notified().await;
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

    /// How many changes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.state.lock().order.len()
    }

    /// Whether no change waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
