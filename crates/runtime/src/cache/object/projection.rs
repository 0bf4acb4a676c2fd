//! What of each object an informer keeps.

use serde::de::DeserializeOwned;

use super::TypeDecoder;

/// What of each object an informer keeps. Header (key, versions, labels, owners) and deletions are always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Projection {
    /// All of it, without `managedFields`.
    #[default]
    Whole,
    /// `apiVersion`, `kind` and `metadata`, without `managedFields`. The server is asked for no more
    /// (`PartialObjectMetadata`).
    MetadataOnly,
    /// `apiVersion`, `kind`, `metadata` and the fields at these paths, written as JSON pointers (`/spec/nodeName`). A
    /// path may end at a list or an object, which is kept whole, but not lead through a list.
    Fields(Vec<String>),
    /// Only the decoded form; see [`Projection::of`].
    Type(TypeDecoder),
}

impl Projection {
    /// Keeps of each object only a `T`: any type that reads from JSON, with the fields that you need. Other reads of
    /// the object (as JSON, as another type) fail with an error that says so.
    #[must_use]
    pub fn of<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self::Type(TypeDecoder::of::<T>())
    }

    /// Keeps metadata and the fields at these paths; see [`Projection::Fields`].
    #[must_use]
    pub fn fields<P: Into<String>>(paths: impl IntoIterator<Item = P>) -> Self {
        let mut paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        paths.sort();
        paths.dedup();
        Self::Fields(paths)
    }
}
