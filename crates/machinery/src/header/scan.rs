//! The scan: bytes of one object in, [`ObjectHeader`] out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{ObjectKey, ResourceType, ResourceVersion};

/// What a cache, an index and a work queue need to know of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The uid; empty when the object has none.
    pub uid: Arc<str>,
    /// The version; [`ResourceVersion::ZERO`] when the object has none.
    pub resource_version: ResourceVersion,
    /// The generation; 0 when the object has none.
    pub generation: i64,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The owner references, in the object's order.
    pub owners: Vec<OwnerHeader>,
    /// Who wrote the object first, as far as it says: the manager of the earliest entry of `managedFields`
    /// (`kubectl-create`, `kube-controller-manager`, a program's user agent). The server moves the time of an entry
    /// on with each write of its manager, so only an object's first versions say for sure who created it.
    pub first_manager: Option<Arc<str>>,
    /// Whether the object has a deletion timestamp: its deletion waits for finalizers or a grace period.
    pub deleting: bool,
}

impl ObjectHeader {
    /// The owner that controls the object, if one does.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerHeader> {
        self.owners.iter().find(|owner| owner.controller)
    }
}

/// One owner reference of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerHeader {
    /// The owner's `apiVersion`.
    pub api_version: Arc<str>,
    /// The owner's kind.
    pub kind: Arc<str>,
    /// The owner's name.
    pub name: Arc<str>,
    /// The owner's uid.
    pub uid: Arc<str>,
    /// Whether this owner is the managing controller.
    pub controller: bool,
}

/// The result of [`scan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedObject {
    /// The header.
    pub header: ObjectHeader,
    /// The object's own `apiVersion`; items of a list usually leave it out.
    pub api_version: Option<String>,
    /// The object's own `kind`; items of a list usually leave it out.
    pub kind: Option<String>,
    /// Where the value of `metadata.managedFields` lies, in bytes.
    pub(super) managed_fields: Option<Range<usize>>,
}

/// The bytes are not an object that can be cached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The bytes are not UTF-8.
    #[error("cannot read the object as text")]
    Encoding(#[source] std::str::Utf8Error),
    /// The text is not JSON, or its metadata is not that of an object.
    #[error("cannot read the object as JSON")]
    Structure(#[source] serde_json::Error),
    /// The object is of another type.
    #[error("cannot take {found:?} for {expected:?}")]
    WrongType {
        /// The `apiVersion` and kind asked for.
        expected: String,
        /// What the object says.
        found: String,
    },
    /// The object has no `metadata.name`, so it has no key.
    #[error("cannot identify the object: it has no metadata.name")]
    Nameless,
}

impl ScanError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Encoding(_) => "InvalidEncoding",
            Self::Structure(_) => "InvalidStructure",
            Self::WrongType { .. } => "WrongType",
            Self::Nameless => "MissingName",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawObject<'a> {
    #[serde(borrow, default)]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    metadata: RawMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata<'a> {
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resource_version: Option<Cow<'a, str>>,
    #[serde(default)]
    generation: Option<i64>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(borrow, default)]
    owner_references: Option<Vec<RawOwner<'a>>>,
    #[serde(borrow, default)]
    deletion_timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "raw_even_if_null")]
    managed_fields: Option<&'a RawValue>,
}

fn raw_even_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOwner<'a> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    uid: Cow<'a, str>,
    #[serde(default)]
    controller: Option<bool>,
}

/// An entry of `managedFields`, without the fields.
#[derive(Deserialize)]
struct RawManager<'a> {
    #[serde(borrow, default)]
    manager: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    subresource: Option<Cow<'a, str>>,
}

impl RawManager<'_> {
    /// Orders by time; those without come last. Within one second, who wrote the status came later.
    fn order(&self) -> (bool, Option<&str>, bool) {
        // The server writes all times alike, in UTC and whole seconds, so that their texts order as they do.
        let (time, subresource) = (self.time.as_deref(), self.subresource.as_deref());
        (time.is_none(), time, subresource.is_some_and(|subresource| !subresource.is_empty()))
    }
}

/// The manager of the earliest entry; `None` when the value is not a list of entries that name one.
fn first_manager(fields: &RawValue) -> Option<Arc<str>> {
    let entries: Vec<RawManager<'_>> = serde_json::from_str(fields.get()).ok()?;
    let named = entries.iter().filter(|entry| entry.manager.as_deref().is_some_and(|name| !name.is_empty()));
    named.min_by(|one, other| one.order().cmp(&other.order()))?.manager.as_deref().map(Arc::from)
}

/// Reads the header of the object in `bytes` and validates the rest as JSON without building it.
///
/// The whole input must be one JSON object with `metadata.name`; anything else is an error.
pub fn scan(bytes: &[u8]) -> Result<ScannedObject, ScanError> {
    let text = std::str::from_utf8(bytes).map_err(ScanError::Encoding)?;
    let object: RawObject<'_> = serde_json::from_str(text).map_err(ScanError::Structure)?;
    let metadata = object.metadata;
    let name = metadata.name.filter(|name| !name.is_empty()).ok_or(ScanError::Nameless)?;
    let first_manager = metadata.managed_fields.and_then(first_manager);
    let managed_fields = metadata.managed_fields.map(|value| {
        // A borrowed raw value is a part of `text`, so the difference of their addresses is its offset.
        let start = value.get().as_ptr().addr() - text.as_ptr().addr();
        start..start + value.get().len()
    });
    let header = ObjectHeader {
        key: ObjectKey::new(&*metadata.namespace.unwrap_or_default(), &*name),
        uid: metadata.uid.unwrap_or_default().into(),
        resource_version: metadata
            .resource_version
            .map_or(ResourceVersion::ZERO, |text| ResourceVersion::parse(&text)),
        generation: metadata.generation.unwrap_or_default(),
        labels: metadata.labels.unwrap_or_default(),
        owners: metadata.owner_references.unwrap_or_default().into_iter().map(OwnerHeader::from).collect(),
        first_manager,
        deleting: metadata.deletion_timestamp.is_some(),
    };
    Ok(ScannedObject {
        header,
        api_version: object.api_version.map(Cow::into_owned),
        kind: object.kind.map(Cow::into_owned),
        managed_fields,
    })
}

impl ScannedObject {
    /// Whether the object is of this type, as far as it says: what it leaves out is taken to fit.
    pub fn check_type(&self, resource: &ResourceType) -> Result<(), ScanError> {
        let expected = resource.api_version();
        let version = self.api_version.as_deref().unwrap_or(&expected);
        let kind = self.kind.as_deref().unwrap_or(&resource.kind);
        if version == expected && kind == resource.kind {
            return Ok(());
        }
        let found = format!("{version} {kind}");
        Err(ScanError::WrongType { expected: format!("{expected} {}", resource.kind), found })
    }
}

impl From<RawOwner<'_>> for OwnerHeader {
    fn from(owner: RawOwner<'_>) -> Self {
        Self {
            api_version: owner.api_version.into(),
            kind: owner.kind.into(),
            name: owner.name.into(),
            uid: owner.uid.into(),
            controller: owner.controller.unwrap_or_default(),
        }
    }
}
