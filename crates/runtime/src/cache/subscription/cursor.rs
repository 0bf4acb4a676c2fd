//! How a subscriber reads the state it starts from: in key order, a few objects at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::Filter;
use crate::cache::{CachedObject, Snapshot};

/// How many objects are read ahead at once. Few in tests, so that small histories meet what is not read yet.
const READ_AHEAD: usize = if cfg!(test) { 3 } else { 128 };
/// How many objects are looked at for that when most of them do not match.
const LOOK_AHEAD: usize = 1024;

/// A position in the store up to which a subscriber has read.
///
/// The cursor reads the present store, not a copy of an old one, so a subscriber that does not read holds nothing
/// but what was read ahead. Who feeds the subscriber keeps the cursor from what came into being after the
/// subscription.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// The last key looked at.
    after: Option<ObjectKey>,
    /// Objects read and not taken, in key order.
    ahead: VecDeque<Arc<CachedObject>>,
    at_end: bool,
}

impl Cursor {
    /// Reads on, leaving out what `skip` names or `filter` does not show.
    pub(super) fn read(&mut self, snapshot: &Snapshot, filter: &Filter, skip: impl Fn(&ObjectKey) -> bool) {
        let mut last = None;
        let after = self.after.take();
        for (looked_at, object) in snapshot.after(after.as_ref()).enumerate() {
            if self.ahead.len() >= READ_AHEAD || looked_at >= LOOK_AHEAD {
                self.after = last.or_else(|| after.clone());
                return;
            }
            last = Some(object.key().clone());
            if !skip(object.key()) && filter.matches(object) {
                self.ahead.push_back(Arc::clone(object));
            }
        }
        self.at_end = true;
    }

    pub(super) fn pop(&mut self) -> Option<Arc<CachedObject>> {
        self.ahead.pop_front()
    }

    /// How many objects have been read ahead.
    pub(super) fn len(&self) -> usize {
        self.ahead.len()
    }

    /// Whether everything was read and taken.
    pub(super) fn is_done(&self) -> bool {
        self.at_end && self.ahead.is_empty()
    }

    /// Whether the cursor has yet to come to this key.
    pub(super) fn is_before(&self, key: &ObjectKey) -> bool {
        !self.at_end && self.after.as_ref().is_none_or(|after| after < key)
    }

    /// Where this key was read ahead, if it was and has not been taken.
    pub(super) fn position(&self, key: &ObjectKey) -> Option<usize> {
        self.ahead.binary_search_by(|object| object.key().cmp(key)).ok()
    }

    /// Puts the newest state in the place of one that was read ahead.
    pub(super) fn refresh(&mut self, position: usize, object: &Arc<CachedObject>) {
        if let Some(place) = self.ahead.get_mut(position) {
            *place = Arc::clone(object);
        }
    }

    /// Forgets what was read ahead at this position.
    pub(super) fn forget(&mut self, position: usize) {
        self.ahead.remove(position);
    }
}

/// How far a subscriber is with the state it starts from.
#[derive(Debug, Default)]
pub(super) enum Start {
    /// There is no such state yet.
    #[default]
    Waiting,
    Reading(Cursor),
    Done,
}

impl Start {
    pub(super) fn begin(&mut self) {
        *self = Self::Reading(Cursor::default());
    }

    /// The cursor, until everything was read and taken.
    pub(super) fn cursor(&mut self) -> Option<&mut Cursor> {
        if matches!(self, Self::Reading(cursor) if cursor.is_done()) {
            *self = Self::Done;
        }
        if let Self::Reading(cursor) = self { Some(cursor) } else { None }
    }

    /// Whether everything was read and taken.
    pub(super) fn is_done(&mut self) -> bool {
        self.cursor().is_none() && matches!(self, Self::Done)
    }

    /// How many objects have been read ahead.
    pub(super) fn len(&self) -> usize {
        if let Self::Reading(cursor) = self { cursor.len() } else { 0 }
    }
}
