//! One scalar of a message, found without reading the rest.

use std::borrow::Cow;

use super::layout::{Layout, Slot};
use super::special;
use super::time_text::TimeText;
use super::typed::layout;
use super::wire::{Reader, WireValue};
use crate::schema::{MessageType, Shape, ValueKind};

/// The scalar at a path of JSON names in the message of an object: a text as it is, numbers and booleans as JSON
/// writes them. Keys of maps and positions of list elements are names, too.
///
/// `None` where the message does not carry the field or JSON leaves it out, where it is no scalar, and where the bytes
/// on the way are not of this type. Fields that the path does not touch are stepped over unread.
#[must_use]
pub fn field<'a>(message: &'a [u8], message_type: &MessageType, path: &[&str]) -> Option<Cow<'a, str>> {
    let layout = layout(message_type).ok()?;
    match (path, &layout.kind) {
        (["apiVersion"], Some((api_version, _))) => Some(Cow::Borrowed(api_version)),
        (["kind"], Some((_, kind))) => Some(Cow::Borrowed(kind)),
        _ => find(message, layout, path),
    }
}

fn find<'a>(message: &'a [u8], layout: &'static Layout, path: &[&str]) -> Option<Cow<'a, str>> {
    let (name, rest) = path.split_first()?;
    // The field itself, or inline structs that may have it.
    let own = layout.slots.iter().find(|slot| slot.tag != 0 && !slot.inline && slot.name == *name);
    let (mut found, mut position) = (None, 0);
    let mut reader = Reader::new(message);
    while let Ok(Some((tag, value))) = reader.next() {
        match own {
            Some(slot) if slot.tag == tag => {
                visit(slot, value, rest, &mut position, &mut found);
            }
            None => {
                let Some((_, slot)) = layout.tagged(tag).filter(|(_, slot)| slot.inline) else { continue };
                if let (Some(inner), Ok(bytes)) = (slot.inner(), value.bytes()) {
                    found = find(bytes, inner, path).or(found);
                }
            }
            Some(_) => {}
        }
    }
    found
}

/// Takes what one value of the field says about what is looked for, if it does.
fn visit<'a>(
    slot: &'static Slot,
    value: WireValue<'a>,
    rest: &[&str],
    position: &mut usize,
    found: &mut Option<Cow<'a, str>>,
) {
    match (slot.shape, rest) {
        (Shape::One | Shape::Pointer, []) if slot.hides(value) => *found = None,
        (Shape::One | Shape::Pointer, []) => *found = element(slot, value, rest),
        // Of a struct in pieces the last that has it counts.
        (Shape::One | Shape::Pointer, _) => *found = element(slot, value, rest).or(found.take()),
        (Shape::List, [wanted, rest @ ..]) => {
            let here = std::mem::replace(position, *position + 1);
            if wanted.parse() == Ok(here) {
                *found = element(slot, value, rest);
            }
        }
        (Shape::Map, [wanted, rest @ ..]) => match entry(value) {
            Some((key, Some(content))) if key == *wanted => *found = element(slot, content, rest),
            Some((key, None)) if key == *wanted => {
                *found = (*slot.kind == ValueKind::String).then_some(Cow::Borrowed(""));
            }
            _ => {}
        },
        (Shape::List | Shape::Map, []) => {}
    }
}

/// The key and the value of an entry of a map.
fn entry(value: WireValue<'_>) -> Option<(&str, Option<WireValue<'_>>)> {
    let (mut key, mut content) = ("", None);
    let mut reader = Reader::new(value.bytes().ok()?);
    while let Some((tag, value)) = reader.next().ok()? {
        match tag {
            1 => key = value.text().ok()?,
            2 => content = Some(value),
            _ => {}
        }
    }
    Some((key, content))
}

fn element<'a>(slot: &'static Slot, value: WireValue<'a>, rest: &[&str]) -> Option<Cow<'a, str>> {
    match (slot.inner(), rest) {
        (Some(inner), [_, ..]) => find(value.bytes().ok()?, inner, rest),
        (None, []) => scalar(slot, value),
        _ => None,
    }
}

fn scalar<'a>(slot: &Slot, value: WireValue<'a>) -> Option<Cow<'a, str>> {
    use ValueKind as K;
    Some(match slot.kind {
        K::String => value.text().ok()?.into(),
        K::Quantity => special::quantity(value).ok()?.into(),
        K::Bool => if value.varint().ok()? == 0 { "false" } else { "true" }.into(),
        K::Int32 => value.int32().ok()?.to_string().into(),
        K::Int64 => value.int64().ok()?.to_string().into(),
        K::IntOrString => match special::int_or_string(value.bytes().ok()?).ok()? {
            Ok(text) => text.into(),
            Err(number) => number.to_string().into(),
        },
        K::Time | K::MicroTime => {
            let text = TimeText::read(value.bytes().ok()?, *slot.kind == K::MicroTime).ok()??;
            text.as_str().to_owned().into()
        }
        K::Bytes | K::Double => match special::decode(slot.kind, value, 0).ok()? {
            serde_json::Value::String(text) => text.into(),
            other => other.to_string().into(),
        },
        _ => return None,
    })
}
