//! The directives of strategic merge patches: keys beginning with `$` that say how to merge.

use serde_json::{Map, Value};

pub(super) type Object = Map<String, Value>;

pub(super) const PATCH: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList/";

/// The list that a `$setElementOrder` key orders.
pub(super) fn ordered_list(key: &str) -> Option<&str> {
    key.strip_prefix(SET_ELEMENT_ORDER)
}

/// The list that a `$deleteFromPrimitiveList` key shortens.
pub(super) fn shortened_list(key: &str) -> Option<&str> {
    key.strip_prefix(DELETE_FROM_PRIMITIVE_LIST)
}

/// Whether the patch orders the list of this name.
pub(super) fn orders(patch: &Object, name: &str) -> bool {
    patch.contains_key(&format!("{SET_ELEMENT_ORDER}{name}"))
}

pub(super) fn is_directive(key: &str) -> bool {
    key == PATCH || key == RETAIN_KEYS || ordered_list(key).is_some() || shortened_list(key).is_some()
}

/// What a part of a patch adds where nothing was: no directives, no nulls; nothing if it is itself a directive.
pub(super) fn cleaned(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(PATCH) => None,
        Value::Object(fields) => Some(Value::Object(cleaned_fields(fields))),
        Value::Array(items) => Some(Value::Array(cleaned_items(items))),
        scalar => Some(scalar.clone()),
    }
}

pub(super) fn cleaned_fields(fields: &Object) -> Object {
    fields
        .iter()
        .filter(|(key, value)| !is_directive(key) && !value.is_null())
        .filter_map(|(key, value)| Some((key.clone(), cleaned(value)?)))
        .collect()
}

pub(super) fn cleaned_items(items: &[Value]) -> Vec<Value> {
    items.iter().filter_map(cleaned).collect()
}
