//! Why a body could not be read or written.

use crate::GroupVersionKind;

/// Why a protobuf body could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body does not begin with [`MAGIC`](super::MAGIC).
    #[error("failed to read a protobuf body: it does not begin with the prefix of Kubernetes protobuf")]
    NotAnEnvelope,
    /// The body names no kind.
    #[error("failed to read a protobuf body: it names no kind")]
    MissingKind,
    /// The kind is not a built-in one.
    #[error("failed to read a protobuf body of {} {}: no such built-in kind", kind.api_version(), kind.kind)]
    UnknownKind {
        /// The kind that the body names.
        kind: GroupVersionKind,
    },
    /// The type is not in the table of built-in types.
    #[error("failed to read a protobuf message of {name}: no such built-in type")]
    UnknownType {
        /// The type's name.
        name: String,
    },
    /// The Rust type refuses a value.
    #[error("failed to read protobuf field {path:?} into its type: {message}")]
    Type {
        /// JSON path of the field; empty for the outermost level.
        path: String,
        /// What the type says.
        message: String,
    },
    /// The object's bytes are compressed or of another media type.
    #[error("failed to read a protobuf body: its content is {content:?}")]
    Content {
        /// The content encoding or type that the body names.
        content: String,
    },
    /// The bytes are not protobuf, or not of this type.
    #[error("failed to read protobuf field {path:?}")]
    Field {
        /// JSON path of the field; empty for the outermost level.
        path: String,
        /// What is wrong.
        #[source]
        source: WireError,
    },
}

/// What is wrong with protobuf bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a value.
    #[error("the bytes end inside a value")]
    Truncated,
    /// A variable-length number has more than ten bytes.
    #[error("a number has more than ten bytes")]
    LongNumber,
    /// A field number is zero or too large.
    #[error("a field number is out of range")]
    BadFieldNumber,
    /// The value is written in another way than its type asks for.
    #[error("the value has wire type {found}, its type asks for {expected}")]
    WireType {
        /// The wire type that goes with the field's type.
        expected: u8,
        /// The wire type found.
        found: u8,
    },
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// Messages are nested too deeply.
    #[error("messages are nested too deeply")]
    TooDeep,
    /// A time is outside the years 1 to 9999.
    #[error("a time is out of range")]
    BadTime,
    /// A number is not finite.
    #[error("a number is not finite")]
    NotFinite,
    /// Embedded JSON cannot be read.
    #[error("embedded JSON cannot be read: {0}")]
    BadJson(String),
    /// An embedded object cannot be read.
    #[error("an embedded object cannot be read: {0}")]
    BadObject(String),
}

/// Why a value could not be written as protobuf.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The kind is not a built-in one.
    #[error("failed to write {} {} as protobuf: no such built-in kind", kind.api_version(), kind.kind)]
    UnknownKind {
        /// The kind asked for.
        kind: GroupVersionKind,
    },
    /// A value does not fit its field.
    #[error("failed to write field {path:?} as protobuf")]
    Field {
        /// JSON path of the field; empty for the object itself.
        path: String,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
}

/// Why a JSON value does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value is of another JSON type.
    #[error("the value is not {expected}")]
    NotA {
        /// What the field holds.
        expected: &'static str,
    },
    /// Values are nested too deeply.
    #[error("values are nested too deeply")]
    TooDeep,
}

impl DecodeError {
    /// A stable word for the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAnEnvelope => "NotAnEnvelope",
            Self::MissingKind => "MissingKind",
            Self::UnknownKind { .. } => "UnknownKind",
            Self::Content { .. } => "UnsupportedContent",
            Self::UnknownType { .. } => "UnknownType",
            Self::Type { .. } => "WrongType",
            Self::Field { .. } => "BadField",
        }
    }

    /// The same error, one level further out.
    pub(crate) fn within(self, outer: &str) -> Self {
        match self {
            Self::Field { path, source } => Self::Field { path: joined(outer, &path), source },
            other => other,
        }
    }
}

impl From<WireError> for DecodeError {
    fn from(source: WireError) -> Self {
        Self::Field { path: String::new(), source }
    }
}

impl EncodeError {
    /// A stable word for the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownKind { .. } => "UnknownKind",
            Self::Field { .. } => "BadField",
        }
    }

    /// The same error, one level further out.
    pub(crate) fn within(self, outer: &str) -> Self {
        match self {
            Self::Field { path, source } => Self::Field { path: joined(outer, &path), source },
            other @ Self::UnknownKind { .. } => other,
        }
    }
}

impl From<ValueError> for EncodeError {
    fn from(source: ValueError) -> Self {
        Self::Field { path: String::new(), source }
    }
}

pub(super) fn joined(outer: &str, inner: &str) -> String {
    if inner.is_empty() || inner.starts_with('[') {
        format!("{outer}{inner}")
    } else {
        format!("{outer}.{inner}")
    }
}
