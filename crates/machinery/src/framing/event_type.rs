//! What a watch event says happened.

use std::fmt;

/// The `type` of a watch event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEventType {
    /// `ADDED`: the object is new, or new to the watch's selection.
    Added,
    /// `MODIFIED`: the object changed.
    Modified,
    /// `DELETED`: the object is gone, or no longer selected.
    Deleted,
    /// `BOOKMARK`: only the position moved on.
    Bookmark,
    /// `ERROR`: the object is a `Status`, and the watch ends.
    Error,
    /// What a newer server says.
    Other(String),
}

impl WatchEventType {
    /// From the server's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "ADDED" => Self::Added,
            "MODIFIED" => Self::Modified,
            "DELETED" => Self::Deleted,
            "BOOKMARK" => Self::Bookmark,
            "ERROR" => Self::Error,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The server's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for WatchEventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
