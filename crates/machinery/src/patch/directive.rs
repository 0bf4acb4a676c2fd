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

/// What a patch puts where no field was: no directives, no nulls, no object that carries `$patch`.
pub(super) fn cleaned(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(PATCH) => None,
        Value::Object(fields) => Some(Value::Object(clean_fields(fields, cleaned))),
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(cleaned).collect())),
        scalar => Some(scalar.clone()),
    }
}

/// What a patch adds to a list, or puts in place of what was: as [`cleaned`], but an object that carries another
/// `$patch` than `delete` stays.
pub(super) fn taken_over(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.get(PATCH).is_some_and(|patch| patch == "delete") => None,
        Value::Object(fields) => Some(Value::Object(taken_over_fields(fields))),
        Value::Array(items) => Some(Value::Array(taken_over_items(items))),
        scalar => Some(scalar.clone()),
    }
}

pub(super) fn taken_over_fields(fields: &Object) -> Object {
    clean_fields(fields, taken_over)
}

pub(super) fn taken_over_items(items: &[Value]) -> Vec<Value> {
    items.iter().filter_map(taken_over).collect()
}

fn clean_fields(fields: &Object, clean: impl Fn(&Value) -> Option<Value>) -> Object {
    fields
        .iter()
        .filter(|(key, value)| !is_directive(key) && !value.is_null())
        .filter_map(|(key, value)| Some((key.clone(), clean(value)?)))
        .collect()
}
