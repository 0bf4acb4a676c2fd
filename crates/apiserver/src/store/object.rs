//! One version of one object, encoded once.

use std::sync::OnceLock;

use bytes::Bytes;
use pilothouse_machinery::ObjectKey;
use pilothouse_machinery::protobuf::{self, EncodeError};
use serde_json::Value;

use crate::kind::Kind;

/// One version of one object: bytes, and what selectors look at.
#[derive(Debug)]
pub(crate) struct StoredObject {
    key: ObjectKey,
    revision: u64,
    bytes: Bytes,
    /// Where the members after `kind` and `apiVersion` begin.
    members: usize,
    labels: Box<[(String, String)]>,
    fields: Box<[(String, String)]>,
    /// The object in protobuf, once somebody has asked for it.
    message: OnceLock<Bytes>,
}

/// Whether both are the same version of the same object.
impl PartialEq for StoredObject {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision && self.key == other.key
    }
}

/// `{"kind":"Pod","apiVersion":"v1",`: the beginning of every encoded object.
fn prefix(kind: &str, api_version: &str) -> String {
    format!("{{\"kind\":{},\"apiVersion\":{},", Value::from(kind), Value::from(api_version))
}

/// Encodes an object with `kind`, `apiVersion` and `metadata` first; also says where `metadata` begins.
pub(crate) fn encode(object: &Value, kind: &str, api_version: &str) -> (Bytes, usize) {
    let mut text = prefix(kind, api_version);
    let members = text.len();
    let empty = Value::Object(serde_json::Map::new());
    text.push_str("\"metadata\":");
    text.push_str(&object.get("metadata").unwrap_or(&empty).to_string());
    for (name, value) in object.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "kind" | "apiVersion" | "metadata") {
            text.push(',');
            text.push_str(&Value::from(name.as_str()).to_string());
            text.push(':');
            text.push_str(&value.to_string());
        }
    }
    text.push('}');
    (Bytes::from(text), members)
}

impl StoredObject {
    /// `object` as the version `revision`; its `metadata.resourceVersion` is set to it.
    pub(crate) fn new(kind: &Kind, key: &ObjectKey, revision: u64, object: &mut Value) -> Self {
        object["metadata"]["resourceVersion"] = Value::from(revision.to_string());
        let (bytes, members) = encode(object, &kind.resource.kind, &kind.resource.api_version());
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        let labels =
            labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        let fields = kind.strategy.selectable_fields(object).into();
        Self { key: key.clone(), revision, bytes, members, labels, fields, message: OnceLock::new() }
    }

    /// Namespace and name.
    pub(crate) fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The revision of the write that made it.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The size of the encoded object in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The encoded object in the version of `kind`: shared bytes unless it was written in another version.
    pub(crate) fn bytes(&self, kind: &Kind) -> Bytes {
        let prefix = prefix(&kind.resource.kind, &kind.resource.api_version());
        if self.bytes[..self.members] == *prefix.as_bytes() {
            return self.bytes.clone();
        }
        if kind.shares.is_some() {
            return encode(&self.value(kind), &kind.resource.kind, &kind.resource.api_version()).0;
        }
        let mut bytes = prefix.into_bytes();
        bytes.extend_from_slice(self.members());
        bytes.into()
    }

    /// The encoded object as it was written.
    pub(crate) fn stored_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The encoded members after `kind` and `apiVersion`, with the closing brace, as they were written.
    fn members(&self) -> &[u8] {
        &self.bytes[self.members..]
    }

    /// The same in the version of `kind`.
    pub(crate) fn members_of(&self, kind: &Kind) -> Bytes {
        let prefix = prefix(&kind.resource.kind, &kind.resource.api_version()).len();
        if kind.shares.is_some() {
            self.bytes(kind).slice(prefix..)
        } else {
            self.bytes.slice(self.members..)
        }
    }

    /// The decoded object in the version of `kind`.
    #[expect(clippy::expect_used, reason = "invariant S-I2")]
    pub(crate) fn value(&self, kind: &Kind) -> Value {
        let mut value: Value =
            serde_json::from_slice(&self.bytes).expect("invariant S-I2: stored bytes are JSON");
        let api_version = kind.resource.api_version();
        let converts = kind.shares.is_some() && value["apiVersion"] != *api_version;
        value["kind"] = Value::from(&*kind.resource.kind);
        value["apiVersion"] = Value::from(api_version);
        if converts {
            kind.strategy.convert(&mut value);
            crate::fields::tidy(kind, &mut value);
            crate::kinds::complete(kind, &mut value);
        }
        value
    }

    /// The message of the object in the version of `kind`, without envelope: shared unless it was written in another
    /// version.
    pub(crate) fn message(&self, kind: &Kind) -> Result<Bytes, EncodeError> {
        let encode = || protobuf::encode_message(&kind.resource.group_version_kind(), &self.value(kind));
        if self.bytes(kind).as_ptr() != self.bytes.as_ptr() {
            return encode();
        }
        if let Some(message) = self.message.get() {
            return Ok(message.clone());
        }
        let message = encode()?;
        Ok(self.message.get_or_init(|| message).clone())
    }

    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field that field selectors may name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        match name {
            "metadata.name" => Some(&self.key.name),
            "metadata.namespace" => Some(&self.key.namespace),
            _ => self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()),
        }
    }
}
