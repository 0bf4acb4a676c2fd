//! What can go wrong when an object comes in and when it is read.

use std::fmt;

use pilothouse_machinery::header::{ScanError, ScanFailure};
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};

#[cfg(feature = "compact")]
use super::compact::FrameError;
use crate::unreadable::Unreadable;

/// An object in a cache cannot be read as what was asked for. Neither this nor its source quotes texts of the object.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {kind} {key} of version {resource_version} from the cache as {wanted}")]
pub struct DecodeError {
    pub(super) kind: String,
    pub(super) key: ObjectKey,
    pub(super) resource_version: ResourceVersion,
    pub(super) wanted: &'static str,
    #[source]
    pub(super) source: DecodeCause,
}

/// Why an object cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum DecodeCause {
    /// The object does not fit the type.
    #[error(transparent)]
    Type(#[from] Unreadable),
    /// Only another form of the object is kept.
    #[error(
        "of each object the informer keeps only {kept}: read that, or give the informer another `Projection`"
    )]
    NotKept { kept: &'static str },
    /// What is kept is damaged.
    #[cfg(feature = "compact")]
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl DecodeError {
    /// The object that could not be read.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.source {
            DecodeCause::Type(_) => "UnreadableObject",
            DecodeCause::NotKept { .. } => "ObjectNotKept",
            #[cfg(feature = "compact")]
            DecodeCause::Frame(_) => "DamagedObject",
        }
    }
}

/// Bytes that did not become a cached object. Neither this nor its source quotes texts of the object.
#[derive(Debug, thiserror::Error)]
#[error("cannot take {} into the cache of {resource}", Named(.key.as_ref()))]
pub struct Rejected {
    pub(super) resource: ResourceType,
    pub(super) key: Option<ObjectKey>,
    #[source]
    pub(super) source: RejectCause,
}

/// Why bytes were rejected.
#[derive(Debug, thiserror::Error)]
pub(super) enum RejectCause {
    #[error("{said}")]
    Scan { reason: &'static str, said: String },
    #[error("the transform {name:?} changed the object's name, namespace, uid or resource version")]
    Identity { name: String },
    #[error("the transform {name:?} made of the object what is none: {said}")]
    Transformed { name: String, said: String },
    #[error("the transform {name:?} panicked")]
    Panicked { name: String },
    #[error("the object nests too deep to be transformed")]
    TooDeep,
    #[error("the type has no protobuf form")]
    NoProtobuf,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<&ScanError> for RejectCause {
    fn from(error: &ScanError) -> Self {
        Self::Scan { reason: error.reason(), said: without_texts(error) }
    }
}

/// What the scan says, without the texts of the object that its cause may quote.
pub(super) fn without_texts(error: &ScanError) -> String {
    match error.failure() {
        ScanFailure::Structure(source) => format!("{error}: {}", Unreadable::of(source)),
        ScanFailure::Protobuf(source) => format!("{error}: {}", Unreadable::of(source)),
        ScanFailure::Encoding(source) => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

impl Rejected {
    /// Namespace and name, when the bytes could be read that far.
    #[must_use]
    pub fn key(&self) -> Option<&ObjectKey> {
        self.key.as_ref()
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match &self.source {
            RejectCause::Scan { reason, .. } => reason,
            RejectCause::Identity { .. } | RejectCause::Transformed { .. } => "InvalidTransform",
            RejectCause::Panicked { .. } => "TransformPanicked",
            RejectCause::TooDeep => "NestsTooDeep",
            RejectCause::NoProtobuf => "WrongFormat",
            RejectCause::Unreadable(_) => "InvalidStructure",
        }
    }
}

/// An object's key in a sentence.
struct Named<'a>(Option<&'a ObjectKey>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(key) => key.fmt(formatter),
            None => formatter.write_str("an object"),
        }
    }
}
