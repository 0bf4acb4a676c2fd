//! A queue that merges nothing: every version of a key is handed out, one after the other.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use parking_lot::Mutex;
use pilothouse_machinery::{Environment, ResourceVersion};
use tokio::sync::Notify;

use super::{QueueItem, QueueKey, WorkQueue, WorkQueueOptions};

/// The uncompressed mode of the work queue: what is queued are versions of keys, each with a state `S` to work on.
///
/// **Flow.** Sources [`add`](Self::add) versions; workers [`get`](Self::get) them, work, and drop the [`VersionItem`]
/// or [`retry`](VersionItem::retry) it.
///
/// **Guarantees.** The versions of a key are handed out in the order in which they were added, each once, and never
/// two of one key at a time. Keys are served as in a [`WorkQueue`], whose priorities, flows, paces and retries apply
/// to keys. A version that fails stays the first of its key, and holds up no other key. A version equal to the one
/// added last that still waits is the same one: it is not added again.
///
/// **Assumptions.** A controller that only needs the newest state is better off with [`WorkQueue`]: here a burst costs
/// one unit of work per version.
///
/// **Cancellation.** Every future here may be dropped at any point; nothing is lost.
///
/// Cloning gives another handle to the same queue.
pub struct VersionQueue<K: QueueKey, S: Send + 'static> {
    pub(super) keys: WorkQueue<K>,
    shared: Arc<Shared<K, S>>,
}

struct Shared<K, S> {
    lines: Mutex<Lines<K, S>>,
    room: Notify,
    limit: usize,
}

struct Lines<K, S> {
    /// Of each key that has anything: what waits, and whether a worker has the version before it.
    ///
    /// V-I1: a key whose line is not empty is asked for in the work queue, or in a worker's hands.
    by_key: IndexMap<K, Line<S>, FixedState>,
    waiting: usize,
    closed: bool,
}

struct Line<S> {
    versions: VecDeque<(ResourceVersion, S)>,
    held: bool,
}

/// Why a version was not taken in. It comes back.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded<S> {
    /// As many versions wait as may: take some out, or wait with [`VersionQueue::add`].
    #[error("cannot add a version to the queue: it is full")]
    Full(S),
    /// The queue was shut down.
    #[error("cannot add a version to the queue: it was shut down")]
    ShutDown(S),
}

impl<S> NotAdded<S> {
    /// A stable word for labels and events.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Full(_) => "QueueFull",
            Self::ShutDown(_) => "QueueShutDown",
        }
    }

    /// The state that was not taken in.
    pub fn into_state(self) -> S {
        match self {
            Self::Full(state) | Self::ShutDown(state) => state,
        }
    }
}

impl<K: QueueKey, S: Send + 'static> VersionQueue<K, S> {
    /// An empty queue in which at most `limit` versions wait; at least one may.
    #[must_use]
    pub fn new(environment: &Environment, options: WorkQueueOptions<K>, limit: usize) -> Self {
        let lines = Lines { by_key: IndexMap::default(), waiting: 0, closed: false };
        let shared = Shared { lines: Mutex::new(lines), room: Notify::new(), limit: limit.max(1) };
        Self { keys: WorkQueue::new(environment, options), shared: Arc::new(shared) }
    }

    /// Adds a version of `key` as soon as there is room for it.
    ///
    /// **Cancellation.** Dropping the future before it is ready adds nothing.
    ///
    /// **Errors.** [`NotAdded::ShutDown`] with the state.
    pub async fn add(&self, key: K, version: ResourceVersion, state: S) -> Result<(), NotAdded<S>> {
        let mut state = state;
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            room.as_mut().enable();
            match self.try_add(key.clone(), version.clone(), state) {
                Err(NotAdded::Full(back)) => state = back,
                done => return done,
            }
            room.await;
        }
    }

    /// Adds a version of `key` if there is room for it.
    ///
    /// **Errors.** Where there is none, or the queue was shut down: the state comes back.
    pub fn try_add(&self, key: K, version: ResourceVersion, state: S) -> Result<(), NotAdded<S>> {
        let mut guarded = self.shared.lines.lock();
        let lines = &mut *guarded;
        if lines.closed {
            return Err(NotAdded::ShutDown(state));
        }
        let line = lines.by_key.get(&key);
        if line.and_then(|line| line.versions.back()).is_some_and(|(last, _)| *last == version) {
            return Ok(());
        }
        if lines.waiting >= self.shared.limit {
            return Err(NotAdded::Full(state));
        }
        let line = lines.by_key.entry(key.clone()).or_default();
        let is_asked_for = line.held || !line.versions.is_empty();
        line.versions.push_back((version, state));
        lines.waiting += 1;
        if !is_asked_for {
            self.keys.add(key);
        }
        Ok(())
    }

    /// The next version to work on; `None` once the queue is shut down and everything was handed out.
    ///
    /// **Cancellation.** Dropping the future takes nothing from the queue.
    pub async fn get(&self) -> Option<VersionItem<K, S>> {
        loop {
            let item = self.keys.get().await?;
            let mut lines = self.shared.lines.lock();
            let Some((version, state)) = lines.take(item.key()) else { continue };
            let leaves_room = lines.waiting + 1 == self.shared.limit;
            drop(lines);
            if leaves_room {
                self.shared.room.notify_waiters();
            }
            let held = Held { queue: self.clone(), item, went_back: false };
            return Some(VersionItem { version, state, held });
        }
    }

    /// How many versions wait to be handed out.
    pub fn len(&self) -> usize {
        self.shared.lines.lock().waiting
    }

    /// Whether no version waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses further versions. What waits is handed out now, also what waits for its retry; then every
    /// [`get`](Self::get) returns `None`.
    pub fn shut_down(&self) {
        let mut lines = self.shared.lines.lock();
        lines.closed = true;
        for key in lines.idle() {
            self.keys.add(key.clone());
        }
        self.end_if_done(&lines);
        drop(lines);
        self.shared.room.notify_waiters();
    }

    /// A worker has done its version of `key`.
    fn release(&self, key: &K) {
        let mut lines = self.shared.lines.lock();
        self.keys.forget(key);
        if lines.release(key) {
            self.keys.add(key.clone());
        }
        self.end_if_done(&lines);
    }

    /// A version of `key` goes back to the front of its line.
    fn give_back(&self, item: &QueueItem<K>, version: ResourceVersion, state: S) -> Result<Duration, S> {
        let mut lines = self.shared.lines.lock();
        if lines.closed {
            return Err(state);
        }
        let Some(line) = lines.by_key.get_mut(item.key()) else { return Err(state) };
        line.held = false;
        line.versions.push_front((version, state));
        lines.waiting += 1;
        Ok(self.keys.add_rate_limited_with(item.key().clone(), item.priority()))
    }

    /// The keys end when the versions have: a closed work queue takes no key in again that has more versions.
    fn end_if_done(&self, lines: &Lines<K, S>) {
        if lines.closed && lines.by_key.is_empty() {
            self.keys.shut_down();
        }
    }
}

impl<K: QueueKey, S> Lines<K, S> {
    fn take(&mut self, key: &K) -> Option<(ResourceVersion, S)> {
        let line = self.by_key.get_mut(key)?;
        let first = line.versions.pop_front()?;
        line.held = true;
        self.waiting -= 1;
        Some(first)
    }

    /// Whether the key has more versions.
    fn release(&mut self, key: &K) -> bool {
        let Some(line) = self.by_key.get_mut(key) else { return false };
        line.held = false;
        let more = !line.versions.is_empty();
        if !more {
            self.by_key.swap_remove(key);
        }
        more
    }

    /// The keys that no worker has.
    fn idle(&self) -> impl Iterator<Item = &K> {
        self.by_key.iter().filter(|(_, line)| !line.held).map(|(key, _)| key)
    }
}

impl<S> Default for Line<S> {
    fn default() -> Self {
        Self { versions: VecDeque::new(), held: false }
    }
}

/// A version in the hands of a worker; done when dropped, also when the worker is cancelled or panics.
pub struct VersionItem<K: QueueKey, S: Send + 'static> {
    version: ResourceVersion,
    state: S,
    held: Held<K, S>,
}

/// A key whose version a worker has.
struct Held<K: QueueKey, S: Send + 'static> {
    queue: VersionQueue<K, S>,
    item: QueueItem<K>,
    went_back: bool,
}

impl<K: QueueKey, S: Send + 'static> VersionItem<K, S> {
    /// The key.
    pub fn key(&self) -> &K {
        self.held.item.key()
    }

    /// The version to work on.
    pub fn version(&self) -> &ResourceVersion {
        &self.version
    }

    /// The state to work on.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Counts a failure of the key and puts the version back before its successors; returns after which delay it
    /// comes again.
    ///
    /// **Errors.** After shutdown nothing comes again: the state is given back.
    pub fn retry(self) -> Result<Duration, S> {
        let Self { version, state, mut held } = self;
        let outcome = held.queue.give_back(&held.item, version, state);
        held.went_back = outcome.is_ok();
        outcome
    }
}

impl<K: QueueKey, S: Send + 'static> Drop for Held<K, S> {
    fn drop(&mut self) {
        if !self.went_back {
            self.queue.release(self.item.key());
        }
    }
}

impl<K: QueueKey, S: Send + 'static> fmt::Debug for VersionItem<K, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VersionItem")
            .field("key", self.key())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<K: QueueKey, S: Send + 'static> Clone for VersionQueue<K, S> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<K: QueueKey, S: Send + 'static> fmt::Debug for VersionQueue<K, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VersionQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}
