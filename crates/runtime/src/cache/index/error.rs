//! Why an index cannot be added.

/// An index could not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// An index of this name exists.
    #[error("cannot add index {0:?}: an index of this name exists")]
    Duplicate(String),
}

impl IndexError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Duplicate(_) => "DuplicateIndex",
        }
    }
}
