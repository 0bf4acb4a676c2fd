//! What of an object is kept, besides its header.

use std::borrow::Cow;
use std::sync::Arc;

use pilothouse_machinery::schema::{MessageType, Schema};
use pilothouse_machinery::{ResourceType, protobuf};
use serde::de::DeserializeOwned;

use super::IntakeMetrics;
#[cfg(feature = "compact")]
use super::compact::{Frame, Late};
use super::error::DecodeCause;
use super::from_json::from_json;
use super::memo::{Budget, Decoded};
use super::select;
use crate::unreadable::Unreadable;

/// How the bytes of an object are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// JSON text.
    Json,
    /// The protobuf message of the object, without an envelope. Built-in types only.
    Protobuf,
}

/// What the objects of one intake have in common.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) resource: ResourceType,
    /// How protobuf messages of the type are read; nothing where it has none.
    pub(super) message: Option<&'static MessageType>,
    pub(super) budget: Arc<Budget>,
}

/// The kept part of an object.
pub(super) enum Body {
    /// Bytes, as they came.
    Plain(Encoding, Box<[u8]>),
    /// The bytes, compressed.
    #[cfg(feature = "compact")]
    Compact(Encoding, Frame),
    /// The bytes, to be compressed better once there is a dictionary.
    #[cfg(feature = "compact")]
    Late(Encoding, Arc<Late>),
    /// The decoded form alone.
    Typed(Decoded),
    /// Nothing: the object does not fit the type that the informer keeps.
    Unreadable(Arc<Unreadable>),
}

/// An object's bytes and how to read them.
pub(super) struct Encoded<'a> {
    pub(super) origin: &'a Origin,
    pub(super) encoding: Encoding,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl Origin {
    /// Of an object that is alone.
    pub(super) fn alone(resource: &ResourceType) -> Arc<Self> {
        Self::new(resource.clone(), Budget::new(None, IntakeMetrics::default()))
    }

    pub(super) fn new(resource: ResourceType, budget: Arc<Budget>) -> Arc<Self> {
        let message = Schema::builtin().kind(&resource.group_version_kind());
        Arc::new(Self { resource, message, budget })
    }

    /// How a protobuf message is read.
    fn message(&self) -> Result<&'static MessageType, Unreadable> {
        self.message.ok_or_else(|| Unreadable::saying("the type has no protobuf form"))
    }
}

impl Body {
    pub(super) fn plain(encoded: Encoded<'_>) -> Self {
        Self::Plain(encoded.encoding, encoded.bytes.into_owned().into_boxed_slice())
    }

    /// The bytes as they came in.
    pub(super) fn encoded<'a>(&'a self, origin: &'a Origin) -> Result<Encoded<'a>, DecodeCause> {
        let (encoding, bytes) = match self {
            Self::Plain(encoding, bytes) => (encoding, Cow::Borrowed(&**bytes)),
            #[cfg(feature = "compact")]
            Self::Compact(encoding, frame) => (encoding, frame.unpack()?.into()),
            #[cfg(feature = "compact")]
            Self::Late(encoding, late) => (encoding, late.unpack()?.into()),
            Self::Typed(form) => return Err(DecodeCause::NotKept { kept: (**form).type_name() }),
            Self::Unreadable(error) => return Err(DecodeCause::Type(Unreadable::clone(error))),
        };
        Ok(Encoded { origin, encoding: *encoding, bytes })
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Plain(_, bytes) => bytes.len(),
            #[cfg(feature = "compact")]
            Self::Compact(_, frame) => frame.size(),
            #[cfg(feature = "compact")]
            Self::Late(_, late) => late.size(),
            Self::Typed(_) | Self::Unreadable(_) => 0,
        }
    }

    /// Bytes held when it came, which never changes.
    pub(super) fn first_size(&self) -> usize {
        match self {
            #[cfg(feature = "compact")]
            Self::Late(_, late) => late.first_size(),
            _ => self.size(),
        }
    }
}

impl<'a> Encoded<'a> {
    /// The object as JSON text.
    pub(super) fn into_json(self) -> Result<Cow<'a, [u8]>, Unreadable> {
        match self.encoding {
            Encoding::Json => Ok(self.bytes),
            Encoding::Protobuf => {
                let (message, resource) = (self.origin.message()?, &self.origin.resource);
                let json = protobuf::to_json(&self.bytes, message, &resource.api_version(), &resource.kind)?;
                Ok(json.into())
            }
        }
    }

    /// The scalar at a JSON pointer.
    pub(super) fn field(self, pointer: &str) -> Option<Cow<'a, str>> {
        let (encoding, origin) = (self.encoding, self.origin);
        match self.bytes {
            Cow::Borrowed(bytes) => field(origin, encoding, bytes, pointer),
            Cow::Owned(bytes) => Some(field(origin, encoding, &bytes, pointer)?.into_owned().into()),
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        match self.encoding {
            Encoding::Json => from_json(&self.bytes),
            Encoding::Protobuf => Ok(protobuf::from_message(&self.bytes, self.origin.message()?)?),
        }
    }

    /// About how many bytes a decoded form takes. The types of `k8s-openapi` take six times their JSON text, ten times
    /// their protobuf message: what is not set takes room too. Types with
    /// fewer fields take less; a budget rather drops too much than too little.
    pub(super) fn decoded_size(&self) -> u64 {
        let factor = match self.encoding {
            Encoding::Json => 6,
            Encoding::Protobuf => 10,
        };
        factor * self.bytes.len() as u64
    }
}

fn field<'a>(origin: &Origin, encoding: Encoding, bytes: &'a [u8], pointer: &str) -> Option<Cow<'a, str>> {
    match encoding {
        Encoding::Json => select::scalar(bytes, pointer),
        Encoding::Protobuf => {
            let keys = select::keys(pointer);
            protobuf::field(bytes, origin.message?, &select::borrowed(&keys))
        }
    }
}
