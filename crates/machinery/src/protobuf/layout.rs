//! The table of types, arranged for reading messages: field numbers to fields without a search.

use std::sync::OnceLock;

use super::wire::WireValue;
use crate::schema::zero::is_struct;
use crate::schema::{FieldType, MessageReference, MessageType, Schema, Shape, ValueKind};

/// Most fields that a type may have: as many as fit the set of those seen.
const MOST_FIELDS: usize = 64;

/// How the fields of one type are found and shown.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) slots: Box<[Slot]>,
    /// By field number, one more than the position of its slot; 0 for numbers that mean nothing.
    by_tag: Box<[u8]>,
    /// Positions of the slots that JSON shows although the wire does not carry them.
    pub(crate) late: Box<[u8]>,
    /// `apiVersion` and kind of whole objects of this type.
    pub(crate) kind: Option<(String, &'static str)>,
}

/// One field of a type.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) tag: u32,
    pub(crate) shape: Shape,
    pub(crate) kind: &'static ValueKind,
    /// Whether it is an embedded struct whose fields stand in its place.
    pub(crate) inline: bool,
    /// Whether JSON shows null where the wire carries nothing, instead of the zero value.
    pub(crate) null_when_absent: bool,
    hidden: Hidden,
    inner: usize,
}

/// When JSON leaves a field out that the wire carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hidden {
    Never,
    WhenEmpty,
    WhenNull,
}

impl Layout {
    /// The layout of this type; `None` for types that are not in the built-in table.
    pub(crate) fn of(message: &MessageType) -> Option<&'static Self> {
        let schema = Schema::builtin();
        let index = schema.index(&message.name)?;
        std::ptr::eq(schema.at(index), message).then(|| &layouts()[index])
    }

    /// The slot of this field number and its position.
    #[inline]
    pub(crate) fn tagged(&self, tag: u32) -> Option<(usize, &Slot)> {
        let position = usize::from(*self.by_tag.get(tag as usize)?).checked_sub(1)?;
        self.slots.get(position).map(|slot| (position, slot))
    }

    fn new(message: &'static MessageType, kind: Option<(String, &'static str)>) -> Self {
        let slots: Box<[Slot]> = message.fields.iter().map(Slot::new).collect();
        debug_assert!(slots.len() <= MOST_FIELDS, "invariant S2: {} has too many fields", message.name);
        let highest = slots.iter().map(|slot| slot.tag as usize).max().unwrap_or_default();
        let mut by_tag = vec![0; highest + 1];
        let mut late = Vec::new();
        for (position, (slot, field)) in (0_u8..).zip(slots.iter().zip(&message.fields)) {
            if slot.tag != 0 {
                by_tag[slot.tag as usize] = position + 1;
            }
            if shown_when_absent(field) {
                late.push(position);
            }
        }
        Self { slots, by_tag: by_tag.into(), late: late.into(), kind }
    }
}

impl Slot {
    fn new(field: &'static FieldType) -> Self {
        Self {
            name: &field.json_name,
            tag: field.tag,
            shape: field.shape,
            kind: &field.kind,
            inline: field.inlined().is_some(),
            null_when_absent: field.shape != Shape::One,
            hidden: match field.shape {
                Shape::One if field.omits_empty() && !is_struct(&field.kind) => Hidden::WhenEmpty,
                Shape::One if field.omits_zero() => Hidden::WhenNull,
                _ => Hidden::Never,
            },
            inner: match &field.kind {
                ValueKind::Message(MessageReference::Builtin(index)) => *index,
                _ => usize::MAX,
            },
        }
    }

    /// The layout of the struct that the value, or each element, is.
    #[inline]
    pub(crate) fn inner(&self) -> Option<&'static Layout> {
        layouts().get(self.inner)
    }

    /// Whether JSON leaves the field out although the wire carries this value.
    #[inline]
    pub(crate) fn hides(&self, value: WireValue<'_>) -> bool {
        match self.hidden {
            Hidden::Never => false,
            Hidden::WhenNull => matches!(value, WireValue::Bytes([])),
            Hidden::WhenEmpty => match (self.kind, value) {
                (ValueKind::String | ValueKind::Bytes | ValueKind::Strings, WireValue::Bytes(bytes)) => {
                    bytes.is_empty()
                }
                (ValueKind::Int32, WireValue::Varint(number)) => number.trailing_zeros() >= 32,
                (ValueKind::Bool | ValueKind::Int64, WireValue::Varint(number)) => number == 0,
                // Of a number that is zero all bits but the sign are.
                (ValueKind::Double, WireValue::Fixed64(bits)) => bits << 1 == 0,
                _ => false,
            },
        }
    }
}

fn layouts() -> &'static [Layout] {
    static LAYOUTS: OnceLock<Box<[Layout]>> = OnceLock::new();
    LAYOUTS.get_or_init(|| {
        let schema = Schema::builtin();
        let mut kinds = vec![None; schema.messages().len()];
        for (kind, message) in schema.kinds() {
            if let Some(index) = schema.index(&message.name) {
                kinds[index] = Some((kind.api_version(), &*kind.kind));
            }
        }
        schema.messages().iter().zip(kinds).map(|(message, kind)| Layout::new(message, kind)).collect()
    })
}

/// Whether Go's JSON encoder shows the field when it is not set.
fn shown_when_absent(field: &FieldType) -> bool {
    if field.inline {
        return field.tag != 0 && field.inlined().is_some();
    }
    match field.shape {
        Shape::One => !field.omits_zero() && (!field.omits_empty() || is_struct(&field.kind)),
        _ => !field.omits_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_fits_and_its_numbers_lead_to_its_fields() {
        for (message, layout) in Schema::builtin().messages().iter().zip(layouts()) {
            assert!(message.fields.len() <= MOST_FIELDS, "{}", message.name);
            assert!(std::ptr::eq(Layout::of(message).unwrap(), layout));
            for tag in 0..200 {
                let found = layout.tagged(tag).map(|(_, slot)| slot.name);
                assert_eq!(
                    found,
                    message.tagged(tag).map(|field| &*field.json_name),
                    "{} {tag}",
                    message.name
                );
            }
        }
    }
}
