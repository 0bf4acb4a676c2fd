//! Comparing a list with what the sink knows.
//!
//! - **J-I3** nothing is inferred from a list that did not end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::{GapCause, JournalEntry, JournalEvent, JournalGap, KnownObject, Provenance};
use crate::cache::CachedObject;
use crate::cache::reflector::{ListCause, Unreadable};

/// A list under way.
#[derive(Debug)]
pub(super) struct Relist {
    cause: ListCause,
    /// What is known and has not been listed so far, by uid.
    missing: BTreeMap<Uid, KnownObject>,
    changed: u64,
    new: u64,
}

impl Relist {
    pub(super) fn new(cause: ListCause, known: Vec<KnownObject>) -> Self {
        let missing = known.into_iter().map(|object| (object.uid.clone(), object)).collect();
        Self { cause, missing, changed: 0, new: 0 }
    }

    /// Counts what an earlier attempt at the same list has found, which the sink knows by now.
    pub(super) fn continuing(mut self, earlier: &Self) -> Self {
        self.changed += earlier.changed;
        self.new += earlier.new;
        self
    }

    /// The entry for a listed object; none when the sink has this version.
    pub(super) fn listed(&mut self, object: Arc<CachedObject>, at: Timestamp) -> Option<JournalEntry> {
        let event = match self.missing.remove(object.uid()) {
            Some(known) if known.resource_version == *object.resource_version() => return None,
            Some(_) => {
                self.changed += 1;
                JournalEvent::Modified
            }
            None => {
                self.new += 1;
                JournalEvent::Added
            }
        };
        let provenance = match self.cause {
            ListCause::Initial => Provenance::InitialList,
            ListCause::Expired | ListCause::WatchFailed => Provenance::ListAfterGap,
        };
        Some(entry(event, object, provenance, at))
    }

    /// These were listed, although not in a form that can be read: they are not gone.
    pub(super) fn keep(&mut self, listed: &Unreadable) {
        let keys: BTreeSet<&ObjectKey> = listed.named().iter().collect();
        self.missing.retain(|_, known| !listed.is_nameless() && !keys.contains(&known.key));
    }

    /// The entries for what a complete list does not show, in key order, and the gap that the list ends.
    pub(super) fn completed(
        self,
        from: &ResourceVersion,
        from_at: Option<Timestamp>,
        to: &ResourceVersion,
        at: Timestamp,
    ) -> (Vec<JournalEntry>, Option<JournalGap>) {
        let mut gone: Vec<KnownObject> = self.missing.into_values().collect();
        gone.sort_by(|one, other| (&one.key, &one.uid).cmp(&(&other.key, &other.uid)));
        let cause = match self.cause {
            ListCause::Initial => None,
            ListCause::Expired => Some(GapCause::Expired),
            ListCause::WatchFailed => Some(GapCause::WatchFailed),
        };
        let gap = cause.map(|cause| JournalGap {
            from: from.clone(),
            to: to.clone(),
            from_at,
            to_at: at,
            cause,
            changed: self.changed,
            vanished: gone.len() as u64,
            new: self.new,
        });
        let vanished = gone.into_iter().map(|known| JournalEntry {
            event: JournalEvent::Vanished,
            key: known.key,
            uid: known.uid,
            resource_version: known.resource_version,
            object: None,
            provenance: Provenance::InferredAbsence,
            observed_at: at,
        });
        (vanished.collect(), gap)
    }
}

/// The entry of an object.
pub(super) fn entry(
    event: JournalEvent,
    object: Arc<CachedObject>,
    provenance: Provenance,
    observed_at: Timestamp,
) -> JournalEntry {
    JournalEntry {
        event,
        key: object.key().clone(),
        uid: object.uid().clone(),
        resource_version: object.resource_version().clone(),
        object: Some(object),
        provenance,
        observed_at,
    }
}
