//! What a journal hands to its sink.

use std::sync::Arc;

use jiff::Timestamp;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};

use crate::cache::CachedObject;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JournalEvent {
    /// It was created, or is seen for the first time.
    Added,
    /// It changed.
    Modified,
    /// It was deleted; the entry holds its last state.
    Deleted,
    /// It was known and is not there any more; its deletion was not observed.
    Vanished,
}

/// How an entry came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// Observed as it happened.
    Watch,
    /// Replayed by the server after a restart of the journal or a new connection: nothing is missing, but it may have
    /// been seen late. A watch counts as caught up after half a second of silence, or with its first bookmark.
    Resume,
    /// From the first list: what was before is not known.
    InitialList,
    /// From the list after a gap: states in between may be missing.
    ListAfterGap,
    /// Concluded from the object's absence in a complete list.
    InferredAbsence,
}

/// One version of one object, or the end of one.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// What happened.
    pub event: JournalEvent,
    /// The object's key.
    pub key: ObjectKey,
    /// The object's uid.
    pub uid: Uid,
    /// The version: of a deletion, the deletion's own; of a vanished object, the last one known.
    pub resource_version: ResourceVersion,
    /// The object; `None` for a vanished one.
    pub object: Option<Arc<CachedObject>>,
    /// How this came to be known.
    pub provenance: Provenance,
    /// When it was read from the server.
    pub observed_at: Timestamp,
}

/// Why versions may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The server no longer had the history since the position (HTTP 410).
    Expired,
    /// The server reported an error inside the watch that only a new list gets past.
    WatchFailed,
}

impl GapCause {
    /// A stable CamelCase word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "Expired",
            Self::WatchFailed => "WatchFailed",
        }
    }
}

/// An interval that was not observed, and what a complete list after it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalGap {
    /// The last version observed before it.
    pub from: ResourceVersion,
    /// The version of the list that ended it.
    pub to: ResourceVersion,
    /// When this process last heard from the server before it; `None` when it had not yet.
    pub from_at: Option<Timestamp>,
    /// When the list that ended it was complete.
    pub to_at: Timestamp,
    /// Why.
    pub cause: GapCause,
    /// How many known objects had changed.
    pub changed: u64,
    /// How many known objects were gone.
    pub vanished: u64,
    /// How many objects were not known before.
    pub new: u64,
}

/// What a sink commits at once.
///
/// Entries are in the order in which the server told them. `position` covers all entries up to and including
/// this batch, except while a list is under way: then it is the position from before the list (zero when there
/// was none), and the batch that completes the list carries the new one, and the gap if there is one.
#[derive(Clone, Debug)]
pub struct JournalBatch {
    /// The type of the objects.
    pub resource: ResourceType,
    /// The entries; may be empty when only the position moves.
    pub entries: Vec<JournalEntry>,
    /// Where to go on after a restart; [`ResourceVersion::ZERO`] is no position.
    pub position: ResourceVersion,
    /// The gap that this batch closes.
    pub gap: Option<JournalGap>,
}

/// A live object as a sink knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownObject {
    /// The object's key.
    pub key: ObjectKey,
    /// The object's uid.
    pub uid: Uid,
    /// The newest version recorded.
    pub resource_version: ResourceVersion,
}
