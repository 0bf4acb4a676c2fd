//! Limits, and how splitting fails.

use crate::protobuf::WireError;

/// The largest pieces a splitter holds, in bytes. A body that goes beyond one fails with the limit's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingLimits {
    /// One object, or one line of a watch. etcd stores 1.5 MiB by default; the default here leaves room for what
    /// the server adds.
    pub object: usize,
    /// Everything of a list that is not an item.
    pub envelope: usize,
}

impl Default for FramingLimits {
    fn default() -> Self {
        Self { object: 16 << 20, envelope: 1 << 20 }
    }
}

/// A body cannot be split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// A piece is larger than a limit.
    #[error("cannot split the body: {what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Which piece, by the limit's name: `object` or `envelope`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The body ended inside a piece.
    #[error("cannot split the body: it ended before it was complete")]
    Truncated,
    /// The body is not what it should be.
    #[error("cannot split the body: {expected} expected at byte {offset}")]
    Unexpected {
        /// What should be there.
        expected: &'static str,
        /// Where, counted from the start of the body.
        offset: u64,
    },
    /// The body is a whole object that has no items: a `Status`, a `Table`, a single object.
    #[error("cannot take the body for a list: it has no items, and its kind is {kind:?}")]
    NotAList {
        /// The kind it says it is; empty when it says none.
        kind: String,
    },
    /// The part around the objects is not JSON of the right form.
    #[error("cannot read the part of the body around its objects")]
    Envelope(#[source] serde_json::Error),
    /// The part around the objects is not protobuf of the right form.
    #[error("cannot read the part of the protobuf body around its objects")]
    Message(#[source] WireError),
    /// The bytes are not UTF-8.
    #[error("cannot read the body as text")]
    Encoding(#[source] std::str::Utf8Error),
}

impl FramingError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "TooLarge",
            Self::Truncated => "Truncated",
            Self::Unexpected { .. } => "UnexpectedByte",
            Self::NotAList { .. } => "NotAList",
            Self::Envelope(_) | Self::Message(_) => "InvalidEnvelope",
            Self::Encoding(_) => "InvalidEncoding",
        }
    }
}
