//! Values whose JSON is not the JSON of their protobuf message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Number, Value};

use super::error::{DecodeError, EncodeError, ValueError, WireError};
use super::time_text::TimeText;
use super::wire::{Reader, WireValue, Writer};
use super::{MAGIC, envelope, from_wire, to_wire};
use crate::schema::{MessageType, Schema, ValueKind};

const SCHEMA_PROPERTIES: &str = "apiextensions/v1.JSONSchemaProps";

/// A value that is not a struct of the table, from protobuf.
pub(super) fn decode(kind: &ValueKind, value: WireValue<'_>, depth: usize) -> Result<Value, DecodeError> {
    Ok(match kind {
        ValueKind::String => value.text()?.into(),
        ValueKind::Bytes => STANDARD.encode(value.bytes()?).into(),
        ValueKind::Bool => (value.varint()? != 0).into(),
        ValueKind::Int32 => value.int32()?.into(),
        ValueKind::Int64 => value.int64()?.into(),
        ValueKind::Double => number(value.double()?)?,
        ValueKind::Time | ValueKind::MicroTime => {
            match TimeText::read(value.bytes()?, *kind == ValueKind::MicroTime)? {
                Some(text) => text.as_str().into(),
                None => Value::Null,
            }
        }
        ValueKind::Quantity => quantity(value)?.into(),
        ValueKind::IntOrString => match int_or_string(value.bytes()?)? {
            Ok(text) => text.into(),
            Err(number) => number.into(),
        },
        ValueKind::Raw | ValueKind::Fields | ValueKind::Json => embedded(embedded_bytes(value)?, depth)?,
        ValueKind::Strings => texts(value.bytes()?)?,
        ValueKind::SchemaOrBool | ValueKind::SchemaOrArray | ValueKind::SchemaOrStrings => {
            schema_or(kind, value.bytes()?, depth)?
        }
        ValueKind::Message(reference) => {
            Value::Object(from_wire::message(value.bytes()?, reference.get(), depth + 1)?)
        }
    })
}

/// Field 1 of a message, the last one if there are more.
fn first(bytes: &[u8]) -> Result<Option<WireValue<'_>>, WireError> {
    let (mut reader, mut found) = (Reader::new(bytes), None);
    while let Some((tag, value)) = reader.next()? {
        if tag == 1 {
            found = Some(value);
        }
    }
    Ok(found)
}

/// Whole numbers are written without a fraction, as Go writes them.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers within 53 bits are converted")]
pub(super) fn number(value: f64) -> Result<Value, WireError> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Ok((value as i64).into());
    }
    Number::from_f64(value).map(Value::Number).ok_or(WireError::NotFinite)
}

/// Whether [`embedded`] reads it.
pub(super) fn check_embedded(raw: &[u8], depth: usize) -> Result<(), WireError> {
    if raw.is_empty() || raw.starts_with(MAGIC) {
        return embedded(raw, depth).map(|_| ());
    }
    let text = std::str::from_utf8(raw).map_err(|_| WireError::NotUtf8)?;
    let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    checked.map(|_| ()).map_err(|error| WireError::BadJson(error.to_string()))
}

/// The text of a quantity.
pub(super) fn quantity(value: WireValue<'_>) -> Result<&str, WireError> {
    let text = first(value.bytes()?)?.map_or(Ok(""), WireValue::text)?;
    Ok(if text.is_empty() { "0" } else { text })
}

/// The bytes of a value that may be anything: JSON, a protobuf body, or nothing.
pub(super) fn embedded_bytes(value: WireValue<'_>) -> Result<&[u8], WireError> {
    first(value.bytes()?)?.map_or(Ok(&[]), WireValue::bytes)
}

/// A text, or else a number.
pub(super) fn int_or_string(bytes: &[u8]) -> Result<Result<&str, i32>, WireError> {
    let (mut is_text, mut number, mut text) = (false, 0, "");
    let mut reader = Reader::new(bytes);
    while let Some((tag, value)) = reader.next()? {
        match tag {
            1 => is_text = value.int64()? == 1,
            2 => number = value.int32()?,
            3 => text = value.text()?,
            _ => {}
        }
    }
    Ok(if is_text { Ok(text) } else { Err(number) })
}

/// JSON, or a whole protobuf body where an object of any kind stands.
pub(super) fn embedded(raw: &[u8], depth: usize) -> Result<Value, WireError> {
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    if raw.starts_with(MAGIC) {
        return match envelope::read(raw, depth + 1) {
            Ok((_, object)) => Ok(object),
            Err(DecodeError::Field { source, .. }) => Err(source),
            Err(error) => Err(WireError::BadObject(error.to_string())),
        };
    }
    serde_json::from_slice(raw).map_err(|error| WireError::BadJson(error.to_string()))
}

fn texts(bytes: &[u8]) -> Result<Value, WireError> {
    let (mut reader, mut texts) = (Reader::new(bytes), Vec::new());
    while let Some((tag, value)) = reader.next()? {
        if tag == 1 {
            texts.push(value.text()?.into());
        }
    }
    Ok(Value::Array(texts))
}

pub(super) fn schema_properties() -> Result<&'static MessageType, WireError> {
    Schema::builtin().message(SCHEMA_PROPERTIES).ok_or_else(|| WireError::BadObject(SCHEMA_PROPERTIES.into()))
}

/// A JSON schema, or a boolean, a list of schemas or a list of texts in its place.
fn schema_or(kind: &ValueKind, bytes: &[u8], depth: usize) -> Result<Value, DecodeError> {
    let (mut schema, mut allows, mut items) = (None, false, Vec::new());
    let schema_tag = if *kind == ValueKind::SchemaOrBool { 2 } else { 1 };
    let read = |value: WireValue<'_>| {
        from_wire::message(value.bytes()?, schema_properties()?, depth + 1).map(Value::Object)
    };
    let mut reader = Reader::new(bytes);
    while let Some((tag, value)) = reader.next()? {
        match (kind, tag) {
            (_, tag) if tag == schema_tag => schema = Some(read(value)?),
            (ValueKind::SchemaOrBool, 1) => allows = value.varint()? != 0,
            (ValueKind::SchemaOrArray, 2) => items.push(read(value)?),
            (ValueKind::SchemaOrStrings, 2) => items.push(value.text()?.into()),
            _ => {}
        }
    }
    Ok(match (kind, schema) {
        (ValueKind::SchemaOrBool, schema) => schema.unwrap_or(Value::Bool(allows)),
        (_, _) if !items.is_empty() => Value::Array(items),
        (_, schema) => schema.unwrap_or(Value::Null),
    })
}

/// Writes a value that is not a struct of the table.
pub(super) fn encode(
    writer: &mut Writer,
    tag: u32,
    kind: &ValueKind,
    value: &Value,
    depth: usize,
) -> Result<(), EncodeError> {
    match kind {
        ValueKind::String => writer.bytes(tag, text(value)?.as_bytes()),
        ValueKind::Bytes => {
            let expected = "base64 text";
            let bytes = STANDARD.decode(text(value)?).map_err(|_| ValueError::NotA { expected })?;
            writer.bytes(tag, &bytes);
        }
        ValueKind::Bool => {
            let expected = "a boolean";
            writer.varint(tag, value.as_bool().ok_or(ValueError::NotA { expected })?.into());
        }
        ValueKind::Int32 => writer.varint(tag, i64::from(int32(value)?).cast_unsigned()),
        ValueKind::Int64 => {
            let expected = "a whole number of 64 bits";
            writer.varint(tag, value.as_i64().ok_or(ValueError::NotA { expected })?.cast_unsigned());
        }
        ValueKind::Double => {
            writer.double(tag, value.as_f64().ok_or(ValueError::NotA { expected: "a number" })?);
        }
        ValueKind::Time | ValueKind::MicroTime => writer.bytes(tag, &timestamp(text(value)?)?),
        ValueKind::Quantity => {
            let quantity = match value {
                Value::Number(number) => number.to_string(),
                other => text(other)?.to_owned(),
            };
            writer.bytes(tag, &wrapped(1, quantity.as_bytes()));
        }
        ValueKind::IntOrString => writer.bytes(tag, &written_int_or_string(value)?),
        ValueKind::Raw | ValueKind::Fields | ValueKind::Json => {
            writer.bytes(tag, &wrapped(1, value.to_string().as_bytes()));
        }
        ValueKind::Strings => {
            let mut list = Writer::default();
            for item in array(value)? {
                list.bytes(1, text(item)?.as_bytes());
            }
            writer.bytes(tag, &list.into_bytes());
        }
        ValueKind::SchemaOrBool | ValueKind::SchemaOrArray | ValueKind::SchemaOrStrings => {
            writer.bytes(tag, &written_schema_or(kind, value, depth)?);
        }
        ValueKind::Message(reference) => {
            writer.bytes(tag, &to_wire::message(value, reference.get(), depth + 1)?);
        }
    }
    Ok(())
}

fn wrapped(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(tag, bytes);
    writer.into_bytes()
}

fn text(value: &Value) -> Result<&str, ValueError> {
    value.as_str().ok_or(ValueError::NotA { expected: "text" })
}

fn array(value: &Value) -> Result<&[Value], ValueError> {
    value.as_array().map(Vec::as_slice).ok_or(ValueError::NotA { expected: "a list" })
}

fn int32(value: &Value) -> Result<i32, ValueError> {
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or(ValueError::NotA { expected: "a whole number of 32 bits" })
}

fn timestamp(text: &str) -> Result<Vec<u8>, ValueError> {
    let time: Timestamp = text.parse().map_err(|_| ValueError::NotA { expected: "a time of RFC 3339" })?;
    // A time before 1970 counts its nanoseconds forward from the second before it.
    let nanoseconds = time.as_nanosecond();
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default();
    let rest = u64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or_default();
    let mut writer = Writer::default();
    writer.varint(1, seconds.cast_unsigned());
    writer.varint(2, rest);
    Ok(writer.into_bytes())
}

fn written_int_or_string(value: &Value) -> Result<Vec<u8>, ValueError> {
    let (kind, number, text) = match value {
        Value::String(text) => (1, 0, text.as_str()),
        other => (0, int32(other)?, ""),
    };
    let mut writer = Writer::default();
    writer.varint(1, kind);
    writer.varint(2, i64::from(number).cast_unsigned());
    writer.bytes(3, text.as_bytes());
    Ok(writer.into_bytes())
}

fn written_schema_or(kind: &ValueKind, value: &Value, depth: usize) -> Result<Vec<u8>, EncodeError> {
    let properties =
        Schema::builtin().message(SCHEMA_PROPERTIES).ok_or(ValueError::NotA { expected: "a schema" })?;
    let mut writer = Writer::default();
    match (kind, value) {
        (ValueKind::SchemaOrBool, Value::Bool(allows)) => writer.varint(1, u64::from(*allows)),
        (ValueKind::SchemaOrBool, schema) => {
            writer.varint(1, 1);
            writer.bytes(2, &to_wire::message(schema, properties, depth + 1)?);
        }
        (ValueKind::SchemaOrArray, Value::Array(items)) => {
            for item in items {
                writer.bytes(2, &to_wire::message(item, properties, depth + 1)?);
            }
        }
        (_, Value::Array(items)) => {
            for item in items {
                writer.bytes(2, text(item)?.as_bytes());
            }
        }
        (_, schema) => writer.bytes(1, &to_wire::message(schema, properties, depth + 1)?),
    }
    Ok(writer.into_bytes())
}
