//! Merging an applied configuration into an object, after checking it against the type.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::error::ApplyError;
use super::field_set::PathElement;
use super::view::{Parts, View};
use crate::schema::{FieldType, MessageType, Omission, Shape, ValueKind};

/// Checks that the configuration is of the type that its view tells.
pub(super) fn check(value: &Value, view: View<'_>, path: &str) -> Result<(), ApplyError> {
    let fail = |problem: String| Err(ApplyError::Type { path: path.to_owned(), problem });
    if value.is_null() {
        return Ok(());
    }
    match view.parts(value) {
        Parts::Fields(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                let Some(child) = view.child(name) else {
                    let problem = "field not declared in schema".to_owned();
                    return Err(ApplyError::Type { path, problem });
                };
                check(value, child, &path)?;
            }
            Ok(())
        }
        Parts::Items(items) => {
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let step = match view.step(item) {
                    Ok(step) => step,
                    Err(key) => {
                        return fail(format!(
                            "element {index}: associative list with keys has an element that omits key field {key:?} \
                             (and doesn't have default value)"
                        ));
                    }
                };
                check(item, view.item(), &format!("{path}{step}"))?;
                if !seen.insert(step.clone()) {
                    return fail(format!("duplicate entries for key {step}"));
                }
            }
            Ok(())
        }
        Parts::Whole => match (view, value) {
            (View::Leaf(Some(kind)), value) => match mismatch(kind, value) {
                Some(expected) => {
                    fail(format!("expected {expected}, got &value.valueUnstructured{{Value:{value}}}"))
                }
                None => Ok(()),
            },
            (View::Struct(message), _) if message.open => Ok(()),
            (View::Struct(_) | View::Entries(_), _) => {
                fail(format!("expected map, got &value.valueUnstructured{{Value:{value}}}"))
            }
            (View::Keyed(..) | View::Set(_), _) => {
                fail(format!("expected list, got &value.valueUnstructured{{Value:{value}}}"))
            }
            _ => Ok(()),
        },
    }
}

/// What a scalar should have been, unless it is.
fn mismatch(kind: &ValueKind, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match kind {
        ValueKind::String | ValueKind::Bytes | ValueKind::Time | ValueKind::MicroTime => {
            (value.is_string(), "string")
        }
        ValueKind::Bool => (value.is_boolean(), "boolean"),
        ValueKind::Int32 | ValueKind::Int64 => (value.is_i64() || value.is_u64(), "numeric (int or float)"),
        ValueKind::Double => (value.is_number(), "numeric (int or float)"),
        _ => (true, ""),
    };
    (!fits).then_some(expected)
}

/// The configuration as the type can hold it: without nulls, and without lists and maps that vanish when empty.
pub(super) fn storable(value: &Value, message: Option<&MessageType>) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let mut kept = Map::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let field = message.and_then(|message| message.field(name));
        let value = match field {
            Some(field) => storable_field(value, field),
            None => storable(value, None),
        };
        if !field.is_some_and(|field| vanishes(field, &value)) {
            kept.insert(name.clone(), value);
        }
    }
    Value::Object(kept)
}

fn storable_field(value: &Value, field: &FieldType) -> Value {
    match (field.shape, value) {
        (_, value) if field.message().is_none() => value.clone(),
        (Shape::List, Value::Array(items)) => {
            items.iter().map(|item| storable(item, field.message())).collect()
        }
        (Shape::Map, Value::Object(entries)) => {
            entries.iter().map(|(key, entry)| (key.clone(), storable(entry, field.message()))).collect()
        }
        (_, value) => storable(value, field.message()),
    }
}

fn vanishes(field: &FieldType, value: &Value) -> bool {
    field.omission == Omission::Empty
        && match (field.shape, value) {
            (Shape::List, Value::Array(items)) => items.is_empty(),
            (Shape::Map, Value::Object(entries)) => entries.is_empty(),
            _ => false,
        }
}

/// The object with what the configuration sets.
pub(super) fn merged(live: Option<&Value>, applied: &Value, view: View<'_>) -> Value {
    match (view.parts(applied), live.map(|live| view.parts(live))) {
        (Parts::Fields(applied), live) => {
            let mut object = match live {
                Some(Parts::Fields(live)) => live.clone(),
                _ => Map::new(),
            };
            for (name, value) in applied {
                let child = view.child(name).unwrap_or(View::Deduced);
                let value = merged(object.get(name), value, child);
                object.insert(name.clone(), value);
            }
            Value::Object(object)
        }
        (Parts::Items(applied), Some(Parts::Items(live))) => Value::Array(merged_items(live, applied, view)),
        (Parts::Items(applied), _) => Value::Array(merged_items(&[], applied, view)),
        (Parts::Whole, _) => applied.clone(),
    }
}

/// Elements of both lists stand in the order of the configuration, those of the object alone keep their places.
fn merged_items(live: &[Value], applied: &[Value], view: View<'_>) -> Vec<Value> {
    let live_steps: Vec<_> = live.iter().map(|item| view.lenient_step(item)).collect();
    let mut by_step: IndexMap<PathElement, &Value> = IndexMap::new();
    for (step, item) in live_steps.iter().zip(live) {
        by_step.entry(step.clone()).or_insert(item);
    }
    let wanted: IndexMap<PathElement, &Value> =
        applied.iter().map(|item| (view.lenient_step(item), item)).collect();
    let merge = |(step, item): (&PathElement, &&Value)| merged(by_step.get(step).copied(), item, view.item());
    let mut shared = wanted.keys().filter(|step| by_step.contains_key(*step)).peekable();
    let mut rest = wanted.iter();
    let mut out = Vec::with_capacity(live.len() + applied.len());
    for (step, item) in live_steps.iter().zip(live) {
        if !wanted.contains_key(step) {
            out.push(item.clone());
        } else if shared.next_if(|next| *next == step).is_some() {
            // New elements that the configuration has before this one go before it.
            for (wanted_step, item) in rest.by_ref() {
                out.push(merge((wanted_step, item)));
                if wanted_step == step {
                    break;
                }
            }
        }
        // Other elements of both come in the order of the configuration.
    }
    out.extend(rest.map(merge));
    out
}
