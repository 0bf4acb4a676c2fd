//! Where bytes become cached objects.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pilothouse_machinery::header::{ScannedObject, Scanner, cut_managed_fields, normalise};
use pilothouse_machinery::{ObjectHeader, ObjectKey, ResourceType};
use serde_json::Value;

use super::body::{Body, Encoded, Encoding, Origin};
#[cfg(feature = "compact")]
use super::compact::Packer;
use super::error::{RejectCause, Rejected, without_texts};
use super::headroom::Headroom;
use super::memo::{Budget, Decoded};
use super::select;
use super::{CachedObject, IntakeMetrics, Projection, Residence, TypeDecoder};
use crate::cache::Transform;

type Known = Arc<dyn Fn(&ObjectKey) -> Option<Arc<CachedObject>> + Send + Sync>;

/// The one place where bytes become cached objects.
///
/// **Flow.** Scan (which checks text and structure), check of the type, look-up of what is known, transform,
/// projection, packing. The last three cost nothing when they are not asked for.
///
/// **Guarantees.**
///
/// - **C-I15** each object either comes out, or is [`Rejected`] with its key (where it has one) and the reason, without
///   an effect on others;
/// - **C-I16** a transform runs once on each object that comes in, before anything else sees it, and never again:
///   what it made is what is kept, told and compared;
/// - **C-I6** an object that is known in the same version (same uid and resource version) is not transformed, decoded
///   or packed anew: the known one comes out;
/// - **C-I7** an object that does not fit the type that the informer decodes into still comes out, so that it is known
///   to exist and its deletion is told; each typed read of it fails. It is logged with its key and counted.
///
/// **Assumptions.** One encoding's bytes are of the type that the intake was made for, as far as they say.
///
/// **Cancellation.** Nothing waits here.
///
/// **Errors.** [`Rejected`], which quotes no texts of objects.
///
/// **Panics.** Never. A transform that panics makes the object rejected.
pub struct Intake {
    origin: Arc<Origin>,
    metrics: IntakeMetrics,
    projection: Projection,
    residence: Residence,
    transform: Option<Transform>,
    known: Option<Known>,
    scanner: Scanner,
    headroom: Headroom,
    #[cfg(feature = "compact")]
    packer: Option<Packer>,
}

impl Intake {
    /// Takes in objects of this type as they are, and keeps their bytes.
    #[must_use]
    pub fn new(resource: &ResourceType) -> Self {
        Self {
            origin: Origin::alone(resource),
            metrics: IntakeMetrics::default(),
            projection: Projection::default(),
            residence: Residence::default(),
            transform: None,
            known: None,
            scanner: Scanner::new(),
            headroom: Headroom::default(),
            #[cfg(feature = "compact")]
            packer: None,
        }
    }

    /// What of each object is kept. Default: all of it.
    #[must_use]
    pub fn projection(self, projection: Projection) -> Self {
        Self { projection, ..self }
    }

    /// How it is kept. Default: as bytes, until somebody looks.
    #[must_use]
    pub fn residence(self, residence: Residence) -> Self {
        Self { residence, ..self }
    }

    /// What is done to each object first. Default: nothing.
    #[must_use]
    pub fn transform(self, transform: Option<Transform>) -> Self {
        Self { transform, ..self }
    }

    /// The limit, in bytes, of the decoded forms that the objects keep (estimated), and where to count.
    /// Default: no limit, and counted for nobody.
    #[must_use]
    pub fn decoded_budget(self, limit: Option<u64>, metrics: IntakeMetrics) -> Self {
        let resource = self.origin.resource.clone();
        let budget = Budget::new(limit, metrics.clone());
        Self { origin: Origin::new(resource, budget), metrics, ..self }
    }

    /// Where to find the objects that are known already, so that they are not made anew. Default: none are.
    #[must_use]
    pub fn known(
        mut self,
        known: impl Fn(&ObjectKey) -> Option<Arc<CachedObject>> + Send + Sync + 'static,
    ) -> Self {
        self.known = Some(Arc::new(known));
        self
    }

    /// The estimated size of the decoded forms that are kept, in bytes.
    #[must_use]
    pub fn decoded_bytes(&self) -> u64 {
        self.origin.budget.used()
    }

    /// Takes in one object.
    pub fn take(&mut self, bytes: &[u8], encoding: Encoding) -> Result<Arc<CachedObject>, Rejected> {
        let origin = Arc::clone(&self.origin);
        let scanned = self.scan(bytes, encoding)?;
        if let Some(known) = self.known_already(&scanned.header) {
            return Ok(known);
        }
        self.headroom.take(bytes.len());
        let kept: Vec<u8> = match encoding {
            Encoding::Json => normalise(bytes, &scanned, &origin.resource),
            Encoding::Protobuf => cut_managed_fields(bytes, &scanned),
        }
        .into();
        let mut header = scanned.header;
        let mut encoded = Encoded { origin: &origin, encoding, bytes: kept.into() };
        if self.changes_json() {
            let json = encoded.into_json().map_err(|error| self.rejected(Some(header.key.clone()), error))?;
            let mut kept = json.into_owned();
            if let Some(transform) = self.transform.clone() {
                (header, kept) = self.transformed(&transform, &header, &kept)?;
            }
            let kept = self.projected(kept).into();
            encoded = Encoded { origin: &origin, encoding: Encoding::Json, bytes: kept };
        }
        let (body, decoded) = self.body(&header, encoded);
        let object = CachedObject::new(header, Arc::clone(&self.origin), body);
        if let Some((value, size)) = decoded {
            object.keep_decoded(value, size);
        }
        Ok(Arc::new(object))
    }

    /// Whether objects go through JSON before they are kept.
    fn changes_json(&self) -> bool {
        self.transform.is_some()
            || matches!(self.projection, Projection::MetadataOnly | Projection::Fields(_))
    }

    /// Whether to take an object in is but to copy its bytes. Then the store tells what is unchanged, which it looks
    /// up anyway.
    fn keeps_bytes_as_they_are(&self) -> bool {
        self.transform.is_none()
            && matches!((&self.projection, &self.residence), (Projection::Whole, Residence::Lazy))
    }

    fn scan(&mut self, bytes: &[u8], encoding: Encoding) -> Result<ScannedObject, Rejected> {
        let scanned = match (encoding, self.origin.message) {
            (Encoding::Json, _) => self.scanner.scan(bytes),
            (Encoding::Protobuf, Some(message)) => self.scanner.scan_protobuf(bytes, message),
            (Encoding::Protobuf, None) => return Err(self.rejected(None, RejectCause::NoProtobuf)),
        };
        let scanned = match scanned {
            Ok(scanned) => scanned,
            Err(error) => return Err(self.rejected(error.key().cloned(), &error)),
        };
        let metadata_suffices = self.projection == Projection::MetadataOnly;
        if metadata_suffices && is_partial(&scanned) {
            return Ok(scanned);
        }
        match scanned.check_type(&self.origin.resource) {
            Ok(()) => Ok(scanned),
            Err(error) => Err(self.rejected(Some(scanned.header.key), &error)),
        }
    }

    /// The known object, where to look for it costs less than to make it anew.
    fn known_already(&self, header: &ObjectHeader) -> Option<Arc<CachedObject>> {
        if self.keeps_bytes_as_they_are() {
            return None;
        }
        let known = self.known.as_ref()?(&header.key)?;
        let is_same = known.header().uid == header.uid
            && known.resource_version() == &header.resource_version
            && !header.resource_version.is_zero();
        is_same.then_some(known)
    }

    /// The object as the transform makes it.
    fn transformed(
        &mut self,
        transform: &Transform,
        before: &ObjectHeader,
        bytes: &[u8],
    ) -> Result<(ObjectHeader, Vec<u8>), Rejected> {
        let rejected = |intake: &Self, cause| Err(intake.rejected(Some(before.key.clone()), cause));
        let name = || transform.name().to_owned();
        let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
            return rejected(self, RejectCause::TooDeep);
        };
        // A value that a panic left half changed is not looked at again.
        if catch_unwind(AssertUnwindSafe(|| transform.apply(&mut value))).is_err() {
            return rejected(self, RejectCause::Panicked { name: name() });
        }
        let bytes = value.to_string().into_bytes();
        let scanned = match self.scanner.scan(&bytes) {
            Ok(scanned) => scanned,
            Err(error) => {
                let said = without_texts(&error);
                return rejected(self, RejectCause::Transformed { name: name(), said });
            }
        };
        let after = scanned.header;
        let identity =
            |header: &ObjectHeader| (header.key.clone(), header.uid.clone(), header.resource_version.clone());
        if identity(before) != identity(&after) {
            return rejected(self, RejectCause::Identity { name: name() });
        }
        Ok((after, bytes))
    }

    /// The part of the object that is kept.
    fn projected(&self, bytes: Vec<u8>) -> Vec<u8> {
        match &self.projection {
            Projection::Whole | Projection::Type(_) => bytes,
            Projection::MetadataOnly => select::metadata(&bytes, &self.origin.resource).unwrap_or(bytes),
            Projection::Fields(pointers) => select::fields(&bytes, pointers),
        }
    }

    /// How it is kept, and its decoded form if there is one already.
    fn body(&mut self, header: &ObjectHeader, encoded: Encoded<'_>) -> (Body, Option<(Decoded, u64)>) {
        match (&self.projection, &self.residence) {
            (Projection::Type(decoder), _) => {
                let typed = self.decode(header, *decoder, &encoded).map(Body::Typed);
                (typed.unwrap_or_else(|unreadable| unreadable), None)
            }
            (_, Residence::Typed(decoder)) => match self.decode(header, *decoder, &encoded) {
                Ok(value) => {
                    let size = encoded.decoded_size();
                    (Body::plain(encoded), Some((value, size)))
                }
                Err(unreadable) => (unreadable, None),
            },
            (_, Residence::Lazy) => (Body::plain(encoded), None),
            #[cfg(feature = "compact")]
            (_, Residence::Compact) => {
                let metrics = &self.metrics;
                let packer = self.packer.get_or_insert_with(|| Packer::new(metrics.clone()));
                (packer.pack(encoded.encoding, encoded.bytes.into_owned()), None)
            }
        }
    }

    fn decode(
        &self,
        header: &ObjectHeader,
        decoder: TypeDecoder,
        encoded: &Encoded<'_>,
    ) -> Result<Decoded, Body> {
        decoder.decode(encoded).map_err(|error| {
            let (resource, key, wanted) = (&self.origin.resource, &header.key, decoder.name());
            tracing::error!(%resource, %key, wanted, %error, "an object does not fit the type it is decoded into");
            self.metrics.unreadable.inc();
            Body::Unreadable(Arc::new(error))
        })
    }

    fn rejected(&self, key: Option<ObjectKey>, cause: impl Into<RejectCause>) -> Rejected {
        Rejected { resource: self.origin.resource.clone(), key, source: cause.into() }
    }
}

/// Whether the server answered with the metadata alone, as it was asked to.
fn is_partial(scanned: &ScannedObject) -> bool {
    let version = scanned.api_version.as_deref().unwrap_or_default();
    scanned.kind.as_deref() == Some("PartialObjectMetadata") && version.starts_with("meta.k8s.io/")
}

impl fmt::Debug for Intake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Intake")
            .field("resource", &self.origin.resource)
            .field("projection", &self.projection)
            .field("residence", &self.residence)
            .field("transform", &self.transform)
            .finish_non_exhaustive()
    }
}
