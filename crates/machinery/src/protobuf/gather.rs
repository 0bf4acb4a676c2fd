//! Putting fields together that come in pieces.

use super::error::{DecodeError, WireError};
use super::layout::{Layout, Slot};
use super::validate;
use super::wire::{MAX_DEPTH, Reader, WireValue, Writer};
use crate::schema::Shape;

/// The same message with every field in one place: the elements of a list one after the other, the pieces of a struct
/// joined, of a single value only the last. Fields that the table does not know are left out.
pub(super) fn gather(message: &[u8], layout: &'static Layout, depth: usize) -> Result<Vec<u8>, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(WireError::TooDeep.into());
    }
    let mut fields = Vec::new();
    let mut reader = Reader::new(message);
    while let Some((tag, value)) = reader.next()? {
        if let Some((_, slot)) = layout.tagged(tag) {
            fields.push((slot, value));
        }
    }
    fields.sort_by_key(|(slot, _)| slot.tag);
    let mut writer = Writer::default();
    for run in fields.chunk_by(|(one, _), (other, _)| one.tag == other.tag) {
        write(&mut writer, run, depth).map_err(|error| match run.first() {
            Some((slot, _)) if !slot.inline => error.within(slot.name),
            _ => error,
        })?;
    }
    Ok(writer.into_bytes())
}

/// Writes the values of one field.
fn write(writer: &mut Writer, run: &[(&Slot, WireValue<'_>)], depth: usize) -> Result<(), DecodeError> {
    let [.., (slot, last)] = run else { return Ok(()) };
    let single = matches!(slot.shape, Shape::One | Shape::Pointer);
    let Some(inner) = slot.inner() else {
        for (index, (_, value)) in run.iter().enumerate() {
            if single && index + 1 < run.len() {
                // A later value takes its place, but it must be one.
                validate::field(slot, *value, depth)?;
            } else {
                writer.value(slot.tag, *value)?;
            }
        }
        return Ok(());
    };
    if single {
        let mut pieces = last.bytes()?.to_vec();
        if run.len() > 1 {
            pieces.clear();
            for (_, value) in run {
                pieces.extend_from_slice(value.bytes()?);
            }
        }
        writer.bytes(slot.tag, &gather(&pieces, inner, depth + 1)?);
        return Ok(());
    }
    for (_, value) in run {
        let bytes = value.bytes()?;
        let gathered = if slot.shape == Shape::Map {
            gather_entry(bytes, inner, depth)?
        } else {
            gather(bytes, inner, depth + 1)?
        };
        writer.bytes(slot.tag, &gathered);
    }
    Ok(())
}

/// An entry of a map: its key and, gathered, its value.
fn gather_entry(entry: &[u8], inner: &'static Layout, depth: usize) -> Result<Vec<u8>, DecodeError> {
    let mut writer = Writer::default();
    let mut reader = Reader::new(entry);
    while let Some((tag, value)) = reader.next()? {
        if tag == 2 {
            writer.bytes(2, &gather(value.bytes()?, inner, depth + 2)?);
        } else {
            writer.value(tag, value)?;
        }
    }
    Ok(writer.into_bytes())
}
