//! Patches.

use serde::Serialize;
use serde_json::Value;

/// A change to an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// A list of operations (RFC 6902).
    Json(Value),
    /// The fields that change; `null` removes one (RFC 7386).
    Merge(Value),
    /// As [`Merge`](Self::Merge), with lists merged by key. Built-in types only.
    Strategic(Value),
    /// The whole wish of one manager (server-side apply, KEP-555).
    Apply {
        /// The object with just the fields that the manager has an opinion about, `apiVersion` and `kind` among
        /// them.
        object: Value,
        /// Who wishes; the client's own field manager when empty.
        manager: String,
        /// Whether to take fields from other managers.
        force: bool,
    },
}

impl Patch {
    /// Server-side apply of `object` as it is, for the client's own manager, taking fields from others.
    ///
    /// `metadata.managedFields`, `resourceVersion`, `uid` and `creationTimestamp` are left out: the server refuses
    /// the first, and the others would turn a wish into a precondition.
    pub fn apply<T: Serialize>(object: &T) -> Result<Self, serde_json::Error> {
        let mut object = serde_json::to_value(object)?;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"] {
                metadata.remove(field);
            }
        }
        Ok(Self::Apply { object, manager: String::new(), force: true })
    }

    /// The media type and the body.
    pub(super) fn parts(&self) -> (&'static str, &Value) {
        match self {
            Self::Json(body) => ("application/json-patch+json", body),
            Self::Merge(body) => ("application/merge-patch+json", body),
            Self::Strategic(body) => ("application/strategic-merge-patch+json", body),
            // JSON is YAML; older servers know server-side apply under the YAML name only.
            Self::Apply { object, .. } => ("application/apply-patch+yaml", object),
        }
    }
}
