//! What a reflector brings.

use std::sync::Arc;

use pilothouse_machinery::ResourceVersion;

use crate::cache::CachedObject;

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
    /// Some objects of the list.
    ListItems(Vec<Arc<CachedObject>>),
    /// The list is complete; it shows the state of this version.
    ListCompleted(ResourceVersion),
    /// A watch was opened, from the last version seen.
    WatchOpened,
    /// What the watch said, in order. Never empty.
    Watched(Vec<WatchEvent>),
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
