//! Where bytes become cached objects.

use std::sync::Arc;

use pilothouse_machinery::header::{Scanner, normalise};
use pilothouse_machinery::{ObjectKey, ResourceType};

use super::body::{Body, Encoded, Encoding, Origin};
use super::error::{RejectCause, Rejected};
use super::{CachedObject, Projection, Residence, TypeDecoder};
use crate::unreadable::Unreadable;

/// The one place where bytes become cached objects: scan, type check, projection, packing.
#[derive(Debug)]
pub struct Intake {
    origin: Arc<Origin>,
    projection: Projection,
    residence: Residence,
    scanner: Scanner,
}

impl Intake {
    /// Takes in objects of this type as they are, and keeps their bytes.
    #[must_use]
    pub fn new(resource: ResourceType) -> Self {
        Self {
            origin: Arc::new(Origin { resource }),
            projection: Projection::default(),
            residence: Residence::default(),
            scanner: Scanner::new(),
        }
    }

    /// What of each object is kept.
    #[must_use]
    pub fn projection(self, projection: Projection) -> Self {
        Self { projection, ..self }
    }

    /// How it is kept.
    #[must_use]
    pub fn residence(self, residence: Residence) -> Self {
        Self { residence, ..self }
    }

    /// Takes in one object.
    pub fn take(&mut self, bytes: &[u8], encoding: Encoding) -> Result<Arc<CachedObject>, Rejected> {
        let scanned = self.scanner.scan(bytes).map_err(|error| self.rejected(error.key().cloned(), error))?;
        let resource = &self.origin.resource;
        if let Err(error) = scanned.check_type(resource) {
            return Err(self.rejected(Some(scanned.header.key), error));
        }
        let kept: Vec<u8> = normalise(bytes, &scanned, resource).into();
        let encoded = Encoded { encoding, bytes: kept.into() };
        let object = |body| CachedObject::new(scanned.header, Arc::clone(&self.origin), body);
        let object = match (&self.projection, &self.residence) {
            (Projection::Type(decoder), _) => object(typed(*decoder, &encoded)),
            (_, Residence::Typed(decoder)) => match decoder.decode(&encoded) {
                Ok(value) => object(Body::plain(encoded)).with_decoded(value),
                Err(error) => object(Body::Unreadable(Arc::new(error))),
            },
            _ => object(Body::plain(encoded)),
        };
        Ok(Arc::new(object))
    }

    fn rejected(&self, key: Option<ObjectKey>, cause: impl Into<RejectCause>) -> Rejected {
        Rejected { resource: self.origin.resource.clone(), key, source: cause.into() }
    }
}

/// The decoded form alone, or why there is none.
fn typed(decoder: TypeDecoder, encoded: &Encoded<'_>) -> Body {
    match decoder.decode(encoded) {
        Ok(value) => Body::Typed(decoder, value),
        Err(error) => Body::Unreadable(Arc::<Unreadable>::new(error)),
    }
}
