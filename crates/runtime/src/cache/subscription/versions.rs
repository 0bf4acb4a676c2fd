//! What waits for a lossless subscriber.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::cursor::Start;
use super::filter::Seen;
use super::queue::Taken;
use super::{Filter, Gap, Lag, Listener, LosslessEvent, LosslessOptions, WhenFull};
use crate::cache::flag::Flag;
use crate::cache::store::Written;
use crate::cache::{Change, Snapshot};

/// What a change costs beside the bytes of its objects: their headers, and its place in line.
const OVERHEAD: usize = 1024;

/// Every change in order, behind a cursor over the state to start from.
#[derive(Debug)]
pub(super) struct VersionQueue {
    state: Mutex<State>,
    pub(super) arrived: Notify,
    pub(super) synced: Flag,
    filter: Filter,
    limit: usize,
    when_full: WhenFull,
    /// Told when there is room again, for an informer that stalls.
    room: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    name: Option<Arc<str>>,
    start: Start,
    /// What the first list deleted, and objects that changed before the cursor came to them, as they were.
    early: VecDeque<Item>,
    /// Their keys, and those of objects that came into being since: nothing for the cursor.
    passed: BTreeSet<ObjectKey>,
    items: VecDeque<Item>,
    bytes: usize,
    /// The version of the last change that was told of, or lost.
    reached: ResourceVersion,
    holds_initial: bool,
    closed: bool,
    abandoned: bool,
}

#[derive(Debug)]
struct Item {
    event: LosslessEvent,
    bytes: usize,
    since: Instant,
}

impl VersionQueue {
    pub(super) fn new(options: LosslessOptions, room: Arc<Notify>) -> Self {
        let LosslessOptions { name, filter, limit, when_full } = options;
        Self {
            state: Mutex::new(State { name, ..State::default() }),
            arrived: Notify::default(),
            synced: Flag::default(),
            filter,
            limit,
            when_full,
            room,
        }
    }

    /// The subscriber went away: nobody waits for it any more.
    pub(super) fn abandon(&self) {
        self.state.lock().abandoned = true;
        self.room.notify_one();
    }

    /// As `ChangeQueue::take`, closing a batch before an object that it names already.
    pub(super) fn take(&self, max: usize, mut give: impl FnMut(LosslessEvent)) -> Taken {
        let mut state = self.state.lock();
        let was_over = state.bytes > self.limit;
        state.holds_initial = false;
        let mut keys = BTreeSet::new();
        let mut taken: usize = 0;
        let outcome = loop {
            if taken == max || (taken > 0 && state.closes_batch(&keys)) {
                break Taken::Some;
            }
            let is_start = state.is_starting();
            let Some(event) = state.pop() else {
                break match taken {
                    0 if is_start => Taken::ReadAhead,
                    0 if state.closed => Taken::End,
                    0 => Taken::Nothing,
                    _ => Taken::Some,
                };
            };
            if let (LosslessEvent::Change(change), true) = (&event, max > 1) {
                keys.insert(change.key().clone());
            }
            state.holds_initial = is_start;
            taken += 1;
            give(event);
        };
        self.check_synced(&mut state);
        if was_over && state.bytes <= self.limit {
            self.room.notify_one();
        }
        outcome
    }

    pub(super) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    fn check_synced(&self, state: &mut State) {
        if state.start.is_done() && state.early.is_empty() && !state.holds_initial {
            self.synced.raise();
        }
    }
}

impl Listener for VersionQueue {
    fn begin(&self, snapshot: &Snapshot, deletions: &[Written], now: Instant) {
        let mut state = self.state.lock();
        state.reached = snapshot.resource_version().clone();
        for seen in deletions.iter().filter_map(|written| self.filter.see(written)) {
            let item = Item::new(change(seen, true), now);
            state.bytes += item.bytes;
            state.early.push_back(item);
        }
        state.start.begin();
        state.read(snapshot, &self.filter);
        self.check_synced(&mut state);
        drop(state);
        self.arrived.notify_one();
    }

    fn read_ahead(&self, snapshot: &Snapshot) {
        self.state.lock().read(snapshot, &self.filter);
    }

    fn push(&self, written: &[Written], relisted: Option<&ResourceVersion>, now: Instant) {
        let mut state = self.state.lock();
        let room = match self.when_full {
            WhenFull::Stall => usize::MAX,
            WhenFull::RecordGap => self.limit,
        };
        for written in written {
            let version = relisted.unwrap_or_else(|| written.object.resource_version());
            if let Some(seen) = self.filter.see(written) {
                state.push(seen, version, room, now);
            }
        }
        self.check_synced(&mut state);
        drop(state);
        self.arrived.notify_one();
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
    }

    fn is_over_limit(&self) -> bool {
        let state = self.state.lock();
        self.when_full == WhenFull::Stall && !state.abandoned && state.bytes > self.limit
    }

    fn lag(&self, now: Instant) -> Lag {
        let state = self.state.lock();
        let oldest = state.early.front().or(state.items.front());
        let oldest = oldest.map(|item| now.saturating_duration_since(item.since));
        let queued = state.start.len() + state.early.len() + state.items.len();
        Lag { name: state.name.clone(), queued, oldest, bytes: state.bytes }
    }
}

impl State {
    /// Whether some of the state to start from is left to take.
    fn is_starting(&mut self) -> bool {
        let is_reading = self.start.cursor().is_some();
        if !is_reading {
            self.passed.clear();
        }
        is_reading || !self.early.is_empty()
    }

    fn pop(&mut self) -> Option<LosslessEvent> {
        let item = match (self.early.pop_front(), self.start.cursor()) {
            (Some(item), _) => item,
            (None, Some(cursor)) => return cursor.pop().map(Change::first_sight).map(LosslessEvent::Change),
            (None, None) => self.items.pop_front()?,
        };
        self.bytes -= item.bytes;
        Some(item.event)
    }

    /// Whether the next event must not stand in one batch with what was taken last.
    fn closes_batch(&mut self, keys: &BTreeSet<ObjectKey>) -> bool {
        if self.is_starting() != self.holds_initial {
            return true;
        }
        match self.items.front().filter(|_| !self.holds_initial).map(|item| &item.event) {
            Some(LosslessEvent::Change(change)) => keys.contains(change.key()),
            Some(LosslessEvent::Gap(_)) | None => false,
        }
    }

    fn read(&mut self, snapshot: &Snapshot, filter: &Filter) {
        let Self { start, passed, .. } = self;
        if let Some(cursor) = start.cursor() {
            cursor.read(snapshot, filter, |key| passed.contains(key));
        }
    }

    /// Takes a version in, or its loss when there is no `room` for it.
    fn push(&mut self, seen: Seen<'_>, version: &ResourceVersion, room: usize, now: Instant) {
        let key = seen.object.key();
        let is_unread = self.start.cursor().is_some_and(|cursor| cursor.is_before(key));
        let is_unread = is_unread && !self.passed.contains(key);
        // The cursor would find the newest state; the subscriber is to hear of the one to start from too.
        let start = seen.previous.filter(|_| is_unread).cloned().map(Change::first_sight);
        let start = start.map(|start| Item::new(start, now));
        let item = Item::new(change(seen, false), now);
        let bytes = item.bytes + start.as_ref().map_or(0, |start| start.bytes);
        if self.bytes > 0 && self.bytes.saturating_add(bytes) > room {
            self.lose(version, now);
        } else {
            self.bytes += bytes;
            self.early.extend(start);
            self.items.push_back(item);
            if is_unread {
                self.passed.insert(key.clone());
            }
        }
        self.reached = version.clone();
    }

    /// Records the loss of one version, in the gap at the end if there is one.
    fn lose(&mut self, version: &ResourceVersion, now: Instant) {
        let last = self.items.back_mut().map(|item| &mut item.event);
        if let Some(LosslessEvent::Gap(gap)) = last {
            gap.until = version.clone();
            gap.lost += 1;
            return;
        }
        let gap = Gap { after: self.reached.clone(), until: version.clone(), lost: 1 };
        self.bytes += OVERHEAD;
        self.items.push_back(Item { event: LosslessEvent::Gap(gap), bytes: OVERHEAD, since: now });
    }
}

impl Item {
    fn new(change: Change, since: Instant) -> Self {
        // What was replaced is kept too, unless the change before in line holds it anyway: that would cost a look for
        // each change, and holds back no more than the limit says.
        let replaced = change.previous.as_ref().map_or(0, |previous| previous.size());
        let bytes = change.object.size() + replaced + OVERHEAD;
        Self { event: LosslessEvent::Change(change), bytes, since }
    }
}

fn change(seen: Seen<'_>, initial: bool) -> Change {
    let (object, previous) = (Arc::clone(seen.object), seen.previous.cloned());
    Change { kind: seen.kind, object, previous, initial }
}
