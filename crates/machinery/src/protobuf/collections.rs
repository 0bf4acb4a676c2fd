//! Lists and maps of a message: fields of the same number one after the other.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::failure::Failure;
use super::layout::Slot;
use super::value::{Content, ValueReader};
use super::wire::{Reader, WireValue};
use crate::schema::ValueKind;

/// The values of one field, as far as they follow each other.
#[derive(Debug)]
struct Run<'a, 'de> {
    reader: &'a mut Reader<'de>,
    slot: &'static Slot,
    next: Option<WireValue<'de>>,
}

impl<'de> Run<'_, 'de> {
    /// The next value.
    #[inline]
    fn take(&mut self) -> Result<Option<WireValue<'de>>, Failure> {
        if let Some(value) = self.next.take() {
            return Ok(Some(value));
        }
        let mut ahead = *self.reader;
        match ahead.next()? {
            Some((tag, value)) if tag == self.slot.tag => {
                *self.reader = ahead;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    /// How many values there are still.
    fn count(&self) -> usize {
        let mut ahead = *self.reader;
        let mut count = usize::from(self.next.is_some());
        while let Ok(Some((tag, _))) = ahead.next() {
            if tag != self.slot.tag {
                break;
            }
            count += 1;
        }
        count
    }
}

/// A list.
#[derive(Debug)]
pub(super) struct Items<'a, 'de> {
    run: Run<'a, 'de>,
    /// Numbers that came in one value.
    packed: Reader<'de>,
    depth: usize,
    index: usize,
}

impl<'a, 'de> Items<'a, 'de> {
    /// The list that begins with `first` and goes on in `reader`.
    pub(super) fn new(
        reader: &'a mut Reader<'de>,
        slot: &'static Slot,
        first: WireValue<'de>,
        depth: usize,
    ) -> Self {
        let run = Run { reader, slot, next: Some(first) };
        Self { run, packed: Reader::new(&[]), depth, index: 0 }
    }

    fn next(&mut self) -> Result<Option<WireValue<'de>>, Failure> {
        loop {
            if !self.packed.is_empty() {
                return Ok(Some(WireValue::Varint(self.packed.number()?)));
            }
            match (self.run.take()?, self.run.slot.kind) {
                (Some(WireValue::Bytes(bytes)), ValueKind::Bool | ValueKind::Int32 | ValueKind::Int64) => {
                    self.packed = Reader::new(bytes);
                }
                (value, _) => return Ok(value),
            }
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(value) = self.next()? else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        let reader = ValueReader { slot: self.run.slot, content: Content::Wire(value), depth: self.depth };
        seed.deserialize(reader).map(Some).map_err(|failure| failure.within(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.run.count())
    }
}

/// A map.
#[derive(Debug)]
pub(super) struct Entries<'a, 'de> {
    run: Run<'a, 'de>,
    depth: usize,
    key: &'de str,
    value: Content<'de>,
}

impl<'a, 'de> Entries<'a, 'de> {
    /// The map that begins with `first` and goes on in `reader`.
    pub(super) fn new(
        reader: &'a mut Reader<'de>,
        slot: &'static Slot,
        first: WireValue<'de>,
        depth: usize,
    ) -> Self {
        Self { run: Run { reader, slot, next: Some(first) }, depth, key: "", value: Content::Zero }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some(entry) = self.run.take()? else { return Ok(None) };
        (self.key, self.value) = ("", Content::Zero);
        let mut reader = Reader::new(entry.bytes()?);
        while let Some((tag, value)) = reader.next()? {
            match tag {
                1 => self.key = value.text()?,
                2 => self.value = Content::Wire(value),
                _ => {}
            }
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let reader = ValueReader { slot: self.run.slot, content: self.value, depth: self.depth + 1 };
        seed.deserialize(reader).map_err(|failure| failure.within(&format!("[{}]", self.key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.run.count())
    }
}

macro_rules! deserializer {
    ($name:ident, $visit:ident) => {
        impl<'de> Deserializer<'de> for $name<'_, 'de> {
            type Error = Failure;

            fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
                visitor.$visit(self)
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
                bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
                seq tuple tuple_struct map struct enum identifier
            }
        }
    };
}

deserializer!(Items, visit_seq);
deserializer!(Entries, visit_map);
