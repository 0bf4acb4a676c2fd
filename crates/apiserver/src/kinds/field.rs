//! Short ways to read and to default fields of an object.

use serde_json::{Map, Value};

/// The map under `key`, made when absent or null; `None` when there is something else.
pub(crate) fn map_at<'a>(
    parent: &'a mut Map<String, Value>,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    let slot = parent.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

/// The map at `path` below `object`, made where absent.
pub(crate) fn map_under<'a>(object: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let mut map = object.as_object_mut()?;
    for key in path {
        map = map_at(map, key)?;
    }
    Some(map)
}

/// Sets a field that is absent or null.
pub(crate) fn set_default(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value.into());
    }
}

/// As [`set_default`], also where the text is empty: fields whose empty text means "not given".
pub(crate) fn set_default_text(map: &mut Map<String, Value>, key: &str, value: &str) {
    if map.get(key).is_none_or(|present| present.is_null() || present == "") {
        map.insert(key.to_owned(), value.into());
    }
}

/// The text at a JSON pointer; empty when there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The whole number at a JSON pointer.
pub(crate) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The list at a JSON pointer; empty when there is none.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether nothing is at a JSON pointer, or only an empty value.
pub(crate) fn is_empty(object: &Value, pointer: &str) -> bool {
    match object.pointer(pointer) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// Whether the condition `kind` of `object.status` is true.
pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    list(object, "/status/conditions")
        .iter()
        .any(|condition| text(condition, "/type") == kind && text(condition, "/status") == "True")
}

/// `(label, value as text)` pairs for field selectors: each label is the path of the field.
pub(crate) fn selectable(object: &Value, labels: &[&str]) -> Vec<(String, String)> {
    let pair = |label: &&str| {
        let pointer = format!("/{}", label.replace('.', "/"));
        let value = match object.pointer(&pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        ((*label).to_owned(), value)
    };
    labels.iter().map(pair).collect()
}
