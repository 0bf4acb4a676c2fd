//! The fields of one message, in the order of the wire, as a serde map.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::collections::{Entries, Items};
use super::error::WireError;
use super::failure::Failure;
use super::layout::{Layout, Slot};
use super::value::{Content, ValueReader};
use super::wire::{MAX_DEPTH, Reader, WireValue};
use crate::schema::Shape;

/// A message, ready to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageReader<'de> {
    bytes: &'de [u8],
    layout: &'static Layout,
    depth: usize,
    /// Whether it is a whole object, which says what it is.
    whole: bool,
}

/// Reads the fields of a message. Structs that stand inline are read as if their fields were the message's own.
#[derive(Debug)]
pub(super) struct Fields<'de> {
    frame: Frame<'de>,
    /// The messages around the inline struct that is being read.
    outer: Vec<Frame<'de>>,
    depth: usize,
    /// `apiVersion` and `kind`, as far as they have not been told.
    type_meta: [Option<&'static str>; 2],
    pending: Pending<'de>,
}

/// A message that is being read.
#[derive(Debug)]
struct Frame<'de> {
    reader: Reader<'de>,
    layout: &'static Layout,
    /// By position, the slots that have come.
    seen: u64,
    /// The number of the field that came last.
    last: u32,
    /// How many of the layout's late slots have been looked at.
    late: usize,
}

/// The value that belongs to the key told last.
#[derive(Debug)]
enum Pending<'de> {
    Nothing,
    TypeMeta(&'static str),
    Field(&'static Slot, WireValue<'de>),
    Absent(&'static Slot),
}

impl<'de> MessageReader<'de> {
    /// A whole object.
    pub(super) fn whole(bytes: &'de [u8], layout: &'static Layout) -> Self {
        Self { bytes, layout, depth: 0, whole: true }
    }

    /// A message within another one.
    pub(super) fn inner(bytes: &'de [u8], layout: &'static Layout, depth: usize) -> Self {
        Self { bytes, layout, depth, whole: false }
    }

    /// Its fields.
    pub(super) fn fields(self) -> Result<Fields<'de>, Failure> {
        if self.depth > MAX_DEPTH {
            return Err(WireError::TooDeep.into());
        }
        let kind = self.layout.kind.as_ref().filter(|_| self.whole);
        Ok(Fields {
            frame: Frame::new(self.bytes, self.layout),
            outer: Vec::new(),
            depth: self.depth,
            type_meta: kind.map_or([None; 2], |(version, kind)| [Some(version), Some(kind)]),
            pending: Pending::Nothing,
        })
    }
}

impl<'de> Deserializer<'de> for MessageReader<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(self.fields()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

impl<'de> Frame<'de> {
    fn new(bytes: &'de [u8], layout: &'static Layout) -> Self {
        Self { reader: Reader::new(bytes), layout, seen: 0, last: 0, late: 0 }
    }

    /// The next slot that JSON shows although it has not come.
    fn next_late(&mut self) -> Option<&'static Slot> {
        while let Some(position) = self.layout.late.get(self.late) {
            self.late += 1;
            if self.seen & (1 << position) == 0 {
                return self.layout.slots.get(usize::from(*position));
            }
        }
        None
    }
}

impl<'de> Fields<'de> {
    /// Goes on with the fields of an inline struct.
    fn enter(&mut self, slot: &'static Slot, bytes: &'de [u8]) {
        if let Some(layout) = slot.inner() {
            self.outer.push(std::mem::replace(&mut self.frame, Frame::new(bytes, layout)));
        }
    }

    /// The name of the next field; its value is then pending.
    fn next_name(&mut self) -> Result<Option<&'static str>, Failure> {
        if let Some(value) = self.type_meta[0].take() {
            self.pending = Pending::TypeMeta(value);
            return Ok(Some("apiVersion"));
        }
        if let Some(value) = self.type_meta[1].take() {
            self.pending = Pending::TypeMeta(value);
            return Ok(Some("kind"));
        }
        loop {
            let frame = &mut self.frame;
            let layout = frame.layout;
            if let Some((tag, value)) = frame.reader.next()? {
                let Some((position, slot)) = layout.tagged(tag) else {
                    // A list that goes on behind it comes in pieces.
                    frame.last = tag;
                    continue;
                };
                let bit = 1 << position;
                if frame.seen & bit != 0 {
                    if frame.last == tag && matches!(slot.shape, Shape::List | Shape::Map) {
                        // The rest of a list that nobody read to its end.
                        continue;
                    }
                    return Err(Failure::scattered());
                }
                frame.seen |= bit;
                frame.last = tag;
                if slot.inline {
                    let bytes = value.bytes()?;
                    self.enter(slot, bytes);
                } else if !slot.hides(value) {
                    self.pending = Pending::Field(slot, value);
                    return Ok(Some(slot.name));
                }
            } else if let Some(slot) = frame.next_late() {
                if !slot.inline {
                    self.pending = Pending::Absent(slot);
                    return Ok(Some(slot.name));
                }
                self.enter(slot, &[]);
            } else {
                let Some(outer) = self.outer.pop() else { return Ok(None) };
                self.frame = outer;
            }
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some(name) = self.next_name()? else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let depth = self.depth + self.outer.len();
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::TypeMeta(text) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Pending::Field(slot, value) => match slot.shape {
                Shape::One | Shape::Pointer => {
                    seed.deserialize(ValueReader { slot, content: Content::Wire(value), depth })
                }
                Shape::List => seed.deserialize(Items::new(&mut self.frame.reader, slot, value, depth)),
                Shape::Map => seed.deserialize(Entries::new(&mut self.frame.reader, slot, value, depth)),
            }
            .map_err(|failure| failure.within(slot.name)),
            Pending::Absent(slot) => {
                let content = if slot.null_when_absent { Content::Null } else { Content::Zero };
                seed.deserialize(ValueReader { slot, content, depth })
                    .map_err(|failure| failure.within(slot.name))
            }
            Pending::Nothing => Err(serde::de::Error::custom("a value was asked for before its key")),
        }
    }
}
