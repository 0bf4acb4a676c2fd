//! What Go's JSON encoder shows for fields that are not set.

use serde_json::{Map, Value};

use super::types::{FieldType, MessageType, Shape, ValueKind};

/// Adds, at every level, the fields that Go's JSON encoder writes although they are not set: `"spec": {}`,
/// `"containers": null`.
pub(crate) fn fill(object: &mut Value, message: &MessageType) {
    let Value::Object(fields) = object else { return };
    complete(fields, message);
    for (name, value) in fields {
        let Some(field) = message.field(name) else { continue };
        let Some(inner) = field.message() else { continue };
        match (field.shape, value) {
            (Shape::One | Shape::Pointer, value) => fill(value, inner),
            (Shape::List, Value::Array(items)) => items.iter_mut().for_each(|item| fill(item, inner)),
            (Shape::Map, Value::Object(entries)) => entries.values_mut().for_each(|entry| fill(entry, inner)),
            _ => {}
        }
    }
}

/// Adds such fields at this level.
pub(crate) fn complete(object: &mut Map<String, Value>, message: &MessageType) {
    for field in &message.fields {
        if field.inline {
            if let Some(inner) = field.inlined().filter(|_| field.tag != 0) {
                complete(object, inner);
            }
            continue;
        }
        let name = field.json_name.as_ref();
        if object.contains_key(name) {
            continue;
        }
        let value = match field.shape {
            Shape::One if field.omits_zero() => continue,
            Shape::One if field.omits_empty() && !is_struct(&field.kind) => continue,
            Shape::One => zero(field),
            _ if field.omits_empty() => continue,
            _ => Value::Null,
        };
        object.insert(name.to_owned(), value);
    }
}

/// Whether Go holds it in a struct, which `omitempty` never leaves out.
pub(crate) fn is_struct(kind: &ValueKind) -> bool {
    use ValueKind as K;
    !matches!(kind, K::String | K::Bytes | K::Bool | K::Int32 | K::Int64 | K::Double | K::Strings)
}

/// What JSON shows for a value that is not set.
pub(crate) fn zero(field: &FieldType) -> Value {
    match &field.kind {
        ValueKind::Message(reference) => {
            let mut object = Map::new();
            complete(&mut object, reference.get());
            Value::Object(object)
        }
        ValueKind::String => "".into(),
        // The value of a map; a field of its own is nil.
        ValueKind::Bytes if field.shape == Shape::Map => "".into(),
        ValueKind::Bool | ValueKind::SchemaOrBool => false.into(),
        ValueKind::Int32 | ValueKind::Int64 | ValueKind::Double | ValueKind::IntOrString => 0.into(),
        ValueKind::Quantity => "0".into(),
        _ => Value::Null,
    }
}
