//! How a scan fails.

use std::fmt;

use crate::ObjectKey;
use crate::protobuf::{DecodeError, WireError};

/// The bytes are not an object that can be cached.
#[derive(Debug)]
pub struct ScanError {
    failure: ScanFailure,
    key: Option<Box<ObjectKey>>,
}

/// What is wrong with the bytes of an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScanFailure {
    /// The bytes are not UTF-8.
    Encoding(std::str::Utf8Error),
    /// The text is not JSON, or its metadata is not that of an object.
    Structure(serde_json::Error),
    /// The bytes are not protobuf, or not a message of the type.
    Protobuf(DecodeError),
    /// The object is of another type.
    WrongType {
        /// The `apiVersion` and kind asked for.
        expected: String,
        /// What the object says.
        found: String,
    },
    /// The object has no `metadata.name`, so it has no key.
    Nameless,
}

impl ScanError {
    pub(super) fn new(failure: ScanFailure, key: Option<ObjectKey>) -> Self {
        Self { failure, key: key.map(Box::new) }
    }

    /// What is wrong.
    #[must_use]
    pub fn failure(&self) -> &ScanFailure {
        &self.failure
    }

    /// Which object it is, where that could be read although the rest is bad. The bytes around it are not to be
    /// trusted, so this is for reports, not for looking anything up.
    #[must_use]
    pub fn key(&self) -> Option<&ObjectKey> {
        self.key.as_deref()
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.failure {
            ScanFailure::Encoding(_)
            | ScanFailure::Protobuf(DecodeError::Field { source: WireError::NotUtf8, .. }) => {
                "InvalidEncoding"
            }
            ScanFailure::Structure(_) | ScanFailure::Protobuf(_) => "InvalidStructure",
            ScanFailure::WrongType { .. } => "WrongType",
            ScanFailure::Nameless => "MissingName",
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match &self.failure {
            ScanFailure::Encoding(_) => ("cannot read the object", " as text"),
            ScanFailure::Structure(_) => ("cannot read the object", " as JSON"),
            ScanFailure::Protobuf(_) => ("cannot read the object", " as protobuf"),
            ScanFailure::WrongType { .. } => ("cannot take the object", ""),
            ScanFailure::Nameless => ("cannot identify the object: it has no metadata.name", ""),
        };
        formatter.write_str(before)?;
        if let Some(key) = &self.key {
            write!(formatter, " {key}")?;
        }
        formatter.write_str(after)?;
        if let ScanFailure::WrongType { expected, found } = &self.failure {
            write!(formatter, ": it is {found:?}, not {expected:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            ScanFailure::Encoding(source) => Some(source),
            ScanFailure::Structure(source) => Some(source),
            ScanFailure::Protobuf(source) => Some(source),
            ScanFailure::WrongType { .. } | ScanFailure::Nameless => None,
        }
    }
}
