//! `metadata.managedFields`.

use serde_json::Value;

use super::update::Author;
use crate::kind::Kind;

/// Records who wrote which fields of `new`. What the client sent is ignored; `old` is `None` for a create.
pub(super) fn track(_kind: &Kind, new: &mut Value, old: Option<&Value>, _author: &Author) {
    let metadata = super::metadata::metadata_mut(new);
    match old.map(|old| &old["metadata"]["managedFields"]) {
        None | Some(Value::Null) => _ = metadata.remove("managedFields"),
        Some(fields) => _ = metadata.insert("managedFields".into(), fields.clone()),
    }
}
