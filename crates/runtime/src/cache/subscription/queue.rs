//! What waits for a coalescing subscriber.

use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::ResourceVersion;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::cursor::{Cursor, Start};
use super::slots::Slots;
use super::{Filter, Lag, Listener};
use crate::cache::flag::Flag;
use crate::cache::store::Written;
use crate::cache::{Change, ChangeKind, Snapshot};

/// The newest change per object, behind a cursor over the state to start from.
#[derive(Debug)]
pub(super) struct ChangeQueue {
    state: Mutex<State>,
    pub(super) arrived: Notify,
    pub(super) synced: Flag,
    pub(super) filter: Filter,
}

#[derive(Debug, Default)]
struct State {
    name: Option<Arc<str>>,
    start: Start,
    slots: Slots,
    /// Whether the subscriber took initial changes and has not come back.
    holds_initial: bool,
    closed: bool,
}

/// What asking for changes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Changes were taken.
    Some,
    /// The initial state must be read on first.
    ReadAhead,
    /// There is nothing now.
    Nothing,
    /// There will be nothing any more.
    End,
}

/// Where the next change comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Cursor,
    Slots,
    ReadAhead,
    Nowhere,
}

impl ChangeQueue {
    pub(super) fn new(name: Option<Arc<str>>, filter: Filter) -> Self {
        let state = State { name, ..State::default() };
        Self { state: Mutex::new(state), arrived: Notify::default(), synced: Flag::default(), filter }
    }

    pub(super) fn rename(&self, name: Arc<str>) {
        self.state.lock().name = Some(name);
    }

    /// Gives up to `max` changes, either all initial or none (conformance F14). Asking says that what was taken
    /// before is dealt with.
    pub(super) fn take(&self, max: usize, mut give: impl FnMut(Change)) -> Taken {
        let mut state = self.state.lock();
        state.holds_initial = false;
        let mut taken: usize = 0;
        let outcome = loop {
            if taken == max {
                break Taken::Some;
            }
            let source = state.source();
            let initial = source == Source::Cursor || (source == Source::Slots && state.slots.is_initial());
            if taken > 0 && initial != state.holds_initial {
                break Taken::Some;
            }
            let change = match source {
                Source::Cursor => state.start.cursor().and_then(Cursor::pop).map(Change::first_sight),
                Source::Slots => state.slots.pop(),
                Source::ReadAhead | Source::Nowhere => None,
            };
            let Some(change) = change else {
                break match (taken, source) {
                    (0, Source::ReadAhead) => Taken::ReadAhead,
                    (0, _) if state.closed => Taken::End,
                    (0, _) => Taken::Nothing,
                    _ => Taken::Some,
                };
            };
            state.holds_initial = initial;
            taken += 1;
            give(change);
        };
        self.check_synced(&mut state);
        outcome
    }

    /// Whether nothing waits, of the state to start from neither.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().source() == Source::Nowhere
    }

    /// How many changes wait, without what was not read yet of the state to start from.
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.len()
    }

    fn check_synced(&self, state: &mut State) {
        if state.is_started() && !state.holds_initial {
            self.synced.raise();
        }
    }
}

impl Listener for ChangeQueue {
    fn begin(&self, snapshot: &Snapshot, deletions: &[Written], now: Instant) {
        let mut state = self.state.lock();
        for seen in deletions.iter().filter_map(|written| self.filter.see(written)) {
            state.slots.push(seen, true, now);
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

    fn push(&self, written: &[Written], _relisted: Option<&ResourceVersion>, now: Instant) {
        let mut state = self.state.lock();
        for written in written {
            state.push(written, &self.filter, now);
        }
        self.check_synced(&mut state);
        drop(state);
        self.arrived.notify_one();
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_one();
    }

    fn lag(&self, now: Instant) -> Lag {
        let state = self.state.lock();
        let oldest = state.slots.since().map(|since| now.saturating_duration_since(since));
        Lag { name: state.name.clone(), queued: state.len(), oldest, bytes: 0 }
    }
}

impl State {
    fn len(&self) -> usize {
        self.start.len() + self.slots.len()
    }

    fn source(&mut self) -> Source {
        if self.slots.is_initial() {
            return Source::Slots;
        }
        match self.start.cursor() {
            Some(cursor) if cursor.len() == 0 => Source::ReadAhead,
            Some(_) => Source::Cursor,
            None if self.slots.is_empty() => Source::Nowhere,
            None => Source::Slots,
        }
    }

    /// Whether no initial change is left to take.
    fn is_started(&mut self) -> bool {
        self.start.is_done() && !self.slots.is_initial()
    }

    fn read(&mut self, snapshot: &Snapshot, filter: &Filter) {
        let Self { start, slots, .. } = self;
        if let Some(cursor) = start.cursor() {
            // What has a change waiting came into being after the subscription.
            cursor.read(snapshot, filter, |key| slots.contains(key));
        }
    }

    /// Takes a change in. What the cursor has yet to tell is told once, in its newest state; when it is deleted
    /// before, the subscriber never hears of it.
    fn push(&mut self, written: &Written, filter: &Filter, now: Instant) {
        let Some(seen) = filter.see(written) else { return };
        let key = seen.object.key();
        if let Some(cursor) = self.start.cursor() {
            if let Some(position) = cursor.position(key) {
                return match seen.kind {
                    ChangeKind::Deleted => cursor.forget(position),
                    _ => cursor.refresh(position, seen.object),
                };
            }
            if cursor.is_before(key) && seen.kind != ChangeKind::Added && !self.slots.contains(key) {
                return;
            }
        }
        self.slots.push(seen, false, now);
    }
}
