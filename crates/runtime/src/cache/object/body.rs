//! What of an object is kept, besides its header.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use pilothouse_machinery::ResourceType;
use serde::de::DeserializeOwned;

use super::TypeDecoder;
use super::error::DecodeCause;
use crate::unreadable::Unreadable;

/// How the bytes of an object are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// JSON text.
    Json,
}

/// What the objects of one intake have in common.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) resource: ResourceType,
}

/// The kept part of an object.
pub(super) enum Body {
    /// Bytes, as they came.
    Plain(Encoding, Box<[u8]>),
    /// The decoded form alone.
    Typed(TypeDecoder, Arc<dyn Any + Send + Sync>),
    /// Nothing: the object does not fit the type that the informer keeps.
    Unreadable(Arc<Unreadable>),
}

/// An object's bytes and how to read them.
pub(super) struct Encoded<'a> {
    pub(super) encoding: Encoding,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl Body {
    pub(super) fn plain(encoded: Encoded<'_>) -> Self {
        Self::Plain(encoded.encoding, encoded.bytes.into_owned().into_boxed_slice())
    }

    /// The bytes as they came in.
    pub(super) fn encoded(&self) -> Result<Encoded<'_>, DecodeCause> {
        match self {
            Self::Plain(encoding, bytes) => Ok(Encoded { encoding: *encoding, bytes: Cow::Borrowed(bytes) }),
            Self::Typed(decoder, _) => Err(DecodeCause::NotKept { kept: decoder.name() }),
            Self::Unreadable(error) => Err(DecodeCause::Type(Unreadable::clone(error))),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Plain(_, bytes) => bytes.len(),
            Self::Typed(..) | Self::Unreadable(_) => 0,
        }
    }
}

impl<'a> Encoded<'a> {
    /// The object as JSON text.
    pub(super) fn into_json(self) -> Cow<'a, [u8]> {
        match self.encoding {
            Encoding::Json => self.bytes,
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        match self.encoding {
            // Checking the text as a whole is cheaper than string by string, as reading from bytes does.
            Encoding::Json => match std::str::from_utf8(&self.bytes) {
                Ok(text) => Ok(serde_json::from_str(text)?),
                Err(_) => Ok(serde_json::from_slice(&self.bytes)?),
            },
        }
    }
}
