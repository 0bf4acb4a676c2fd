//! Reading the header with a deserializer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Interner, ObjectHeader, OwnerFields, ScanError, ScanFailure, ScannedObject, Uid};
use crate::{ObjectKey, ResourceVersion, json};

/// The longest text that is taken for a name in bytes that are wrong: no server lets one be longer than 253 bytes.
const MAX_KEY_TEXT: usize = 512;

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
pub(super) fn read(bytes: &[u8], interner: &mut Interner) -> Result<ScannedObject, ScanError> {
    let failed = |failure| ScanError::new(failure, readable_key(bytes));
    let text = std::str::from_utf8(bytes).map_err(|error| failed(ScanFailure::Encoding(error)))?;
    let object: RawObject<'_> = json::check(text)
        .and_then(|()| serde_json::from_str(text))
        .map_err(|error| failed(ScanFailure::Structure(error)))?;
    let metadata = object.metadata;
    let name = metadata.name.filter(|name| !name.is_empty()).ok_or_else(|| failed(ScanFailure::Nameless))?;
    let first_manager = metadata.managed_fields.and_then(first_manager);
    let mut labels: Vec<(&str, &str)> =
        metadata.labels.iter().flatten().map(|(key, value)| (&**key, &**value)).collect();
    let owners: Vec<OwnerFields<'_>> =
        metadata.owner_references.iter().flatten().map(RawOwner::fields).collect();
    let header = ObjectHeader {
        key: ObjectKey {
            namespace: interner.text(metadata.namespace.as_deref().unwrap_or_default()),
            name: (*name).into(),
        },
        uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
        resource_version: metadata
            .resource_version
            .map_or(ResourceVersion::ZERO, |text| ResourceVersion::parse(&text)),
        generation: metadata.generation.unwrap_or_default(),
        labels: interner.labels(&mut labels),
        owners: interner.owners(&owners),
        first_manager: first_manager.map(|manager| interner.text(&manager)),
        deleting: metadata.deletion_timestamp.is_some(),
    };
    Ok(ScannedObject {
        header,
        api_version: object.api_version.map(|text| interner.text(&text)),
        kind: object.kind.map(|text| interner.text(&text)),
        managed_fields: metadata.managed_fields.map(|value| range_of(value, text)),
    })
}

/// The key, if it can be read although something is wrong with the bytes.
fn readable_key(bytes: &[u8]) -> Option<ObjectKey> {
    let text = |field: &str| -> Option<String> {
        let found = json::field(bytes, &["metadata", field])?;
        serde_json::from_slice(found.get(..found.len().min(MAX_KEY_TEXT))?).ok()
    };
    let name = text("name").filter(|name| !name.is_empty())?;
    Some(ObjectKey::new(text("namespace").unwrap_or_default(), name))
}

fn range_of(value: &RawValue, text: &str) -> Range<usize> {
    // A borrowed raw value is a part of `text`, so the difference of their addresses is its offset.
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + value.get().len()
}

impl RawOwner<'_> {
    fn fields(&self) -> OwnerFields<'_> {
        OwnerFields {
            api_version: &self.api_version,
            kind: &self.kind,
            name: &self.name,
            uid: &self.uid,
            controller: self.controller.unwrap_or_default(),
        }
    }
}
