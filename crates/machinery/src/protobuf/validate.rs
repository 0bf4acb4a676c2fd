//! Checking a message against the table without building anything.

use super::error::{DecodeError, WireError};
use super::layout::{Layout, Slot};
use super::special;
use super::time_text::TimeText;
use super::wire::{MAX_DEPTH, Reader, WireValue};
use crate::schema::{Shape, ValueKind};

/// Checks a message: lengths, wire types, texts, times and depth. What passes can be read; a Rust type may still
/// refuse it.
pub(crate) fn message(bytes: &[u8], layout: &Layout, depth: usize) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep.into());
    }
    let mut reader = Reader::new(bytes);
    while let Some((tag, found)) = reader.next()? {
        if let Some((_, slot)) = layout.tagged(tag) {
            field(slot, found, depth)?;
        }
    }
    Ok(())
}

/// Checks one value of a field, and names the field where it is wrong.
#[inline]
pub(crate) fn field(slot: &Slot, found: WireValue<'_>, depth: usize) -> Result<(), DecodeError> {
    value(slot, found, depth).map_err(|error| if slot.inline { error } else { error.within(slot.name) })
}

/// Checks one value of a field: an element of a list, an entry of a map.
#[inline]
pub(crate) fn value(slot: &Slot, found: WireValue<'_>, depth: usize) -> Result<(), DecodeError> {
    match (slot.shape, slot.kind) {
        (Shape::Map, _) => entry(slot, found, depth),
        (Shape::List, ValueKind::Bool | ValueKind::Int32 | ValueKind::Int64) => numbers(found),
        _ => element(slot, found, depth),
    }
}

/// Checks that a text is UTF-8.
#[inline]
pub(crate) fn text(found: WireValue<'_>) -> Result<(), WireError> {
    // Most texts are ASCII, which is told faster.
    if found.bytes()?.is_ascii() { Ok(()) } else { found.text().map(|_| ()) }
}

fn element(slot: &Slot, found: WireValue<'_>, depth: usize) -> Result<(), DecodeError> {
    use ValueKind as K;
    match slot.kind {
        K::String => text(found)?,
        K::Bytes => found.bytes().map(|_| ())?,
        K::Bool | K::Int32 | K::Int64 => found.varint().map(|_| ())?,
        K::Double => special::number(found.double()?).map(|_| ())?,
        K::Time | K::MicroTime => TimeText::check(found.bytes()?)?,
        K::Quantity => special::quantity(found).map(|_| ())?,
        K::IntOrString => special::int_or_string(found.bytes()?).map(|_| ())?,
        K::Strings => {
            let mut reader = Reader::new(found.bytes()?);
            while let Some((tag, item)) = reader.next()? {
                if tag == 1 {
                    text(item)?;
                }
            }
        }
        K::Raw | K::Fields | K::Json => special::check_embedded(special::embedded_bytes(found)?, depth)?,
        K::SchemaOrBool | K::SchemaOrArray | K::SchemaOrStrings => schema_or(slot.kind, found, depth)?,
        K::Message(_) => {
            if let Some(inner) = slot.inner() {
                message(found.bytes()?, inner, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// Numbers of a list come one by one, or packed into one value.
fn numbers(found: WireValue<'_>) -> Result<(), DecodeError> {
    let WireValue::Bytes(bytes) = found else {
        return Ok(found.varint().map(|_| ())?);
    };
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        reader.number()?;
    }
    Ok(())
}

fn entry(slot: &Slot, found: WireValue<'_>, depth: usize) -> Result<(), DecodeError> {
    let mut reader = Reader::new(found.bytes()?);
    while let Some((tag, content)) = reader.next()? {
        match tag {
            1 => text(content)?,
            2 => element(slot, content, depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// A JSON schema, or a boolean, a list of schemas or a list of texts in its place.
fn schema_or(kind: &ValueKind, found: WireValue<'_>, depth: usize) -> Result<(), DecodeError> {
    let properties = super::typed::layout(special::schema_properties()?)?;
    let mut reader = Reader::new(found.bytes()?);
    while let Some((tag, content)) = reader.next()? {
        match (kind, tag) {
            (ValueKind::SchemaOrBool, 1) => content.varint().map(|_| ())?,
            (ValueKind::SchemaOrStrings, 2) => text(content)?,
            (_, 1 | 2) => message(content.bytes()?, properties, depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}
