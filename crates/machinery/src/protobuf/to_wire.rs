//! A JSON object to one message of protobuf.

use serde_json::Value;

use super::error::{EncodeError, ValueError};
use super::wire::{MAX_DEPTH, Writer};
use super::{envelope, special};
use crate::GroupVersionKind;
use crate::resource::split_api_version;
use crate::schema::{FieldType, MessageType, Schema, Shape, ValueKind};

/// The message of this object.
pub(super) fn message(object: &Value, message: &MessageType, depth: usize) -> Result<Vec<u8>, EncodeError> {
    if depth > MAX_DEPTH {
        return Err(ValueError::TooDeep.into());
    }
    let fields = object.as_object().ok_or(ValueError::NotA { expected: "an object" })?;
    let mut writer = Writer::default();
    // In the order of their numbers, as Go writes them.
    let mut numbered: Vec<&FieldType> = message.fields.iter().filter(|field| field.tag != 0).collect();
    numbered.sort_unstable_by_key(|field| field.tag);
    for field in numbered {
        if let Some(inner) = field.inlined() {
            let bytes = self::message(object, inner, depth + 1)?;
            if !bytes.is_empty() {
                writer.bytes(field.tag, &bytes);
            }
            continue;
        }
        let name = field.json_name.as_ref();
        if let Some(value) = fields.get(name).filter(|value| !value.is_null()) {
            write_field(&mut writer, field, value, message, depth).map_err(|error| error.within(name))?;
        }
    }
    Ok(writer.into_bytes())
}

fn write_field(
    writer: &mut Writer,
    field: &FieldType,
    value: &Value,
    holder: &MessageType,
    depth: usize,
) -> Result<(), EncodeError> {
    match field.shape {
        Shape::One | Shape::Pointer => {
            if holder.name == "meta/v1.WatchEvent"
                && field.kind == ValueKind::Raw
                && let Some(kind) = builtin_kind(value)
            {
                let mut raw = Writer::default();
                raw.bytes(1, &envelope::write(&kind, value, depth + 1)?);
                writer.bytes(field.tag, &raw.into_bytes());
                return Ok(());
            }
            special::encode(writer, field.tag, &field.kind, value, depth)
        }
        Shape::List => {
            let items = value.as_array().ok_or(ValueError::NotA { expected: "a list" })?;
            for (index, item) in items.iter().enumerate() {
                special::encode(writer, field.tag, &field.kind, item, depth)
                    .map_err(|error| error.within(&format!("[{index}]")))?;
            }
            Ok(())
        }
        Shape::Map => {
            let entries = value.as_object().ok_or(ValueError::NotA { expected: "a map" })?;
            for (key, item) in entries {
                let mut entry = Writer::default();
                entry.bytes(1, key.as_bytes());
                if !item.is_null() {
                    special::encode(&mut entry, 2, &field.kind, item, depth + 1)
                        .map_err(|error| error.within(&format!("[{key}]")))?;
                }
                writer.bytes(field.tag, &entry.into_bytes());
            }
            Ok(())
        }
    }
}

/// The kind that the object names, if the schema has it.
fn builtin_kind(object: &Value) -> Option<GroupVersionKind> {
    let (group, version) = split_api_version(object.get("apiVersion")?.as_str()?);
    let kind = object.get("kind")?.as_str()?;
    let kind = GroupVersionKind::new(group.to_owned(), version.to_owned(), kind.to_owned());
    Schema::builtin().kind(&kind).map(|_| kind)
}
