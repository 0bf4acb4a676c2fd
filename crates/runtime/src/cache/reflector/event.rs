//! What a reflector brings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceVersion};

use crate::cache::{CachedObject, Snapshot};

/// Why a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListCause {
    /// There is no position to watch from.
    Initial,
    /// The server does not have the history since the position any more.
    Expired,
    /// The watch reports an error that only a list gets past.
    WatchFailed,
}

/// One step of a reflector.
#[derive(Debug)]
pub(crate) enum ReflectorEvent {
    /// A list begins; what came of one that was under way is void.
    ListStarted(ListCause),
    /// Some objects of the list. Never empty.
    ListItems(Vec<Arc<CachedObject>>),
    /// The list is complete.
    ListCompleted(ListEnd),
    /// A watch was opened, from the last version seen.
    WatchOpened,
    /// What the watch said, in order. Never empty.
    Watched(Vec<WatchEvent>),
}

/// What the end of a list says of the whole of it.
#[derive(Debug, Default)]
pub(crate) struct ListEnd {
    /// The list shows the state of this version.
    pub(crate) version: ResourceVersion,
    /// What was listed but could not be read.
    pub(crate) unreadable: Unreadable,
    /// What changed while the list was read, where it came as a stream of events: the newest state of each object,
    /// `None` for one that is gone. It overrules what was listed.
    pub(crate) amended: BTreeMap<ObjectKey, Option<Arc<CachedObject>>>,
}

/// Objects that were listed but could not be read: nothing is known of them but that they exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unreadable {
    keys: Vec<ObjectKey>,
    /// Whether there were some without a key that can be read. Each object that is missing may be one of them, so the
    /// list shows of none that it is gone.
    nameless: bool,
}

impl Unreadable {
    pub(crate) fn add(&mut self, key: Option<ObjectKey>) {
        self.nameless |= key.is_none();
        self.keys.extend(key);
    }

    pub(crate) fn is_nameless(&self) -> bool {
        self.nameless
    }

    /// The keys that could be read.
    pub(crate) fn named(&self) -> &[ObjectKey] {
        &self.keys
    }

    /// Leaves out what came to be known as gone.
    pub(super) fn retain(&mut self, exists: impl FnMut(&ObjectKey) -> bool) {
        self.keys.retain(exists);
    }

    /// The keys of what may still exist although it is missing, of what is `known`.
    pub(crate) fn keys(&self, known: &Snapshot) -> Cow<'_, [ObjectKey]> {
        if self.nameless {
            return known.iter().map(|object| object.key().clone()).collect();
        }
        Cow::Borrowed(&self.keys)
    }
}

impl ListEnd {
    /// Brings a list up to its end: every object once, in its newest state.
    pub(crate) fn amend(&mut self, list: &mut Vec<Arc<CachedObject>>) {
        if self.amended.is_empty() {
            return;
        }
        list.retain(|object| !self.amended.contains_key(object.key()));
        list.extend(std::mem::take(&mut self.amended).into_values().flatten());
    }
}

/// One thing that a watch said.
#[derive(Clone, Debug)]
pub(crate) enum WatchEvent {
    /// An object is new.
    Added(Arc<CachedObject>),
    /// An object changed.
    Modified(Arc<CachedObject>),
    /// An object is gone; its version is that of the deletion.
    Deleted(Arc<CachedObject>),
    /// Nothing up to this version is missing.
    Bookmark(ResourceVersion),
}

impl WatchEvent {
    /// The version that the event takes a watcher to.
    pub(crate) fn resource_version(&self) -> &ResourceVersion {
        match self {
            Self::Added(object) | Self::Modified(object) | Self::Deleted(object) => object.resource_version(),
            Self::Bookmark(version) => version,
        }
    }
}
