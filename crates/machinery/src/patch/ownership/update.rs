//! Ownership by writes that are not applies.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::entry::{Entry, Operation, cap, decode, entries_of, stripped, write};
use super::field_write::FieldWrite;
use super::view::View;
use super::walk::difference;
use crate::schema::{MessageType, zero};

/// Records in `new.metadata.managedFields` who owns what after a create (`old` is `None`), update or patch.
///
/// The manager comes to own what it changed or added; nobody owns what it removed. `new` may carry `managedFields` of
/// its own, which then replace the stored ones; a single empty entry (`[{}]`) clears them. An object whose fields are
/// not tracked stays so. Call it after defaults are set, because who creates an object owns its defaults.
pub fn track_update(
    old: Option<&Value>,
    new: &mut Value,
    by: &FieldWrite<'_>,
    message: Option<&MessageType>,
) {
    let mut entries = match new.pointer("/metadata/managedFields") {
        Some(given) if given == &json!([{}]) => Vec::new(),
        Some(given) if given.as_array().is_some_and(|given| !given.is_empty()) => {
            decode(given).unwrap_or_else(|| old.map(entries_of).unwrap_or_default())
        }
        _ => old.map(entries_of).unwrap_or_default(),
    };
    if old.is_some() && entries.is_empty() {
        write(new, entries);
        return;
    }
    let base = match old {
        Some(old) => stripped(old),
        None => json!({"apiVersion": new.get("apiVersion"), "kind": new.get("kind")}),
    };
    let (base, object) = (filled(&base, message), filled(&stripped(new), message));
    let change = difference(Some(&base), Some(&object), View::root(message));
    let (taken, removed) = (change.taken().without(by.ignored), change.removed.without(by.ignored));
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&taken).difference(&removed);
    }
    let taken = taken.without_identity();
    if !taken.is_empty() {
        let mine = |entry: &&mut Entry| {
            entry.operation == Operation::Update
                && entry.manager == by.manager
                && entry.api_version == by.api_version
                && entry.subresource == by.subresource
        };
        let time = Some(seconds(by.now));
        if let Some(entry) = entries.iter_mut().find(mine) {
            entry.fields = std::mem::take(&mut entry.fields).union(&taken);
            entry.time = time;
        } else {
            entries.push(Entry {
                manager: by.manager.to_owned(),
                operation: Operation::Update,
                api_version: by.api_version.to_owned(),
                subresource: by.subresource.to_owned(),
                time,
                fields: taken,
            });
        }
    }
    entries.retain(|entry| !entry.fields.is_empty());
    cap(&mut entries);
    write(new, entries);
}

/// The object with the zero structs that Go's JSON shows, so that `spec` counts as there before something is in it.
pub(super) fn filled(object: &Value, message: Option<&MessageType>) -> Value {
    let mut object = object.clone();
    if let Some(message) = message {
        zero::fill(&mut object, message);
    }
    object
}

/// RFC 3339 with seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&time)
}
