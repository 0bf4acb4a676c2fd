//! A type that objects are decoded into, chosen at run time.

use std::any::{TypeId, type_name};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::body::Encoded;
use super::memo::Decoded;
use crate::unreadable::Unreadable;

type Decode = fn(&Encoded<'_>) -> Result<Decoded, Unreadable>;

/// A type that an informer decodes its objects into: any that reads from JSON, also one of your own with the few
/// fields that you need. Two are equal when their types are.
#[derive(Clone, Copy)]
pub struct TypeDecoder {
    name: &'static str,
    id: TypeId,
    decode: Decode,
}

impl TypeDecoder {
    /// The decoder of `T`.
    #[must_use]
    pub fn of<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self {
            name: type_name::<T>(),
            id: TypeId::of::<T>(),
            decode: |encoded| Ok(Arc::new(encoded.decode::<T>()?)),
        }
    }

    /// The type's name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn decode(&self, encoded: &Encoded<'_>) -> Result<Decoded, Unreadable> {
        (self.decode)(encoded)
    }
}

impl PartialEq for TypeDecoder {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for TypeDecoder {}

impl PartialOrd for TypeDecoder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TypeDecoder {
    /// By name first, so that the order is the same in every build.
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name).then_with(|| self.id.cmp(&other.id))
    }
}

impl fmt::Debug for TypeDecoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TypeDecoder({})", self.name)
    }
}
