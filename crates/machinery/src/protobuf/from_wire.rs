//! One message of protobuf to a JSON object.

use serde_json::{Map, Value};

use super::error::{DecodeError, WireError};
use super::special;
use super::wire::{MAX_DEPTH, Reader, WireValue};
use crate::schema::zero::{complete, is_struct, zero};
use crate::schema::{FieldType, MessageType, Shape, ValueKind};

type Object = Map<String, Value>;

/// The message as Go's JSON encoder would write it.
pub(super) fn message(bytes: &[u8], message: &MessageType, depth: usize) -> Result<Object, DecodeError> {
    let mut object = Object::new();
    read_into(&mut object, bytes, message, depth)?;
    complete(&mut object, message);
    Ok(object)
}

/// Puts the fields that the bytes carry into the object; a later value replaces or extends an earlier one.
fn read_into(
    object: &mut Object,
    bytes: &[u8],
    message: &MessageType,
    depth: usize,
) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep.into());
    }
    let mut reader = Reader::new(bytes);
    while let Some((tag, value)) = reader.next()? {
        let Some(field) = message.tagged(tag) else { continue };
        if let Some(inner) = field.inlined() {
            read_into(object, value.bytes()?, inner, depth + 1)?;
            continue;
        }
        read_field(object, field, value, depth).map_err(|error| error.within(&field.json_name))?;
    }
    Ok(())
}

fn read_field(
    object: &mut Object,
    field: &FieldType,
    value: WireValue<'_>,
    depth: usize,
) -> Result<(), DecodeError> {
    let name = field.json_name.as_ref();
    match field.shape {
        Shape::One | Shape::Pointer => {
            let value = single(object.remove(name), field, value, depth)?;
            let hidden = field.shape == Shape::One
                && (field.omits_empty() && is_empty_scalar(&field.kind, &value)
                    || field.omits_zero() && value.is_null());
            if !hidden {
                object.insert(name.to_owned(), value);
            }
        }
        Shape::List => {
            let entry = object.entry(name).or_insert(Value::Null);
            if entry.is_null() {
                // Not there yet, or shown as not set by an earlier piece of the message.
                *entry = Value::Array(Vec::new());
            }
            let Value::Array(items) = entry else { return Ok(()) };
            for value in unpacked(&field.kind, value)? {
                let item = element(field, value, depth)
                    .map_err(|error| error.within(&format!("[{}]", items.len())))?;
                items.push(item);
            }
        }
        Shape::Map => {
            let (key, value) = map_entry(field, value, depth)?;
            let entry = object.entry(name).or_insert(Value::Null);
            if entry.is_null() {
                *entry = Value::Object(Object::new());
            }
            if let Value::Object(entries) = entry {
                entries.insert(key, value);
            }
        }
    }
    Ok(())
}

/// A field that holds one value: a message that comes in two pieces is merged, as Go merges it.
fn single(
    earlier: Option<Value>,
    field: &FieldType,
    value: WireValue<'_>,
    depth: usize,
) -> Result<Value, DecodeError> {
    match (field.message(), earlier) {
        (Some(inner), Some(Value::Object(mut object))) => {
            read_into(&mut object, value.bytes()?, inner, depth + 1)?;
            complete(&mut object, inner);
            Ok(Value::Object(object))
        }
        _ => element(field, value, depth),
    }
}

fn element(field: &FieldType, value: WireValue<'_>, depth: usize) -> Result<Value, DecodeError> {
    match field.message() {
        Some(inner) => message(value.bytes()?, inner, depth + 1).map(Value::Object),
        None => special::decode(&field.kind, value, depth),
    }
}

/// Numbers of a list come one by one, or packed into one value.
fn unpacked<'a>(kind: &ValueKind, value: WireValue<'a>) -> Result<Vec<WireValue<'a>>, WireError> {
    let WireValue::Bytes(bytes) = value else { return Ok(vec![value]) };
    if !matches!(kind, ValueKind::Bool | ValueKind::Int32 | ValueKind::Int64) {
        return Ok(vec![value]);
    }
    let mut reader = Reader::new(bytes);
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(WireValue::Varint(reader.number()?));
    }
    Ok(values)
}

/// A map comes as messages of a key (1) and a value (2), either of which may be left out when empty.
fn map_entry(field: &FieldType, value: WireValue<'_>, depth: usize) -> Result<(String, Value), DecodeError> {
    let mut key = "";
    let mut content = None;
    let mut reader = Reader::new(value.bytes()?);
    while let Some((tag, value)) = reader.next()? {
        match tag {
            1 => key = value.text()?,
            2 => content = Some(value),
            _ => {}
        }
    }
    let value = match content {
        Some(content) => {
            element(field, content, depth + 1).map_err(|error| error.within(&format!("[{key}]")))?
        }
        None => zero(field),
    };
    Ok((key.to_owned(), value))
}

fn is_empty_scalar(kind: &ValueKind, value: &Value) -> bool {
    !is_struct(kind)
        && match value {
            Value::Bool(value) => !value,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        }
}
