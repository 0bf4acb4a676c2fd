//! One value of a field, as serde sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::MAGIC;
use super::failure::Failure;
use super::fields::MessageReader;
use super::layout::Slot;
use super::special;
use super::time_text::TimeText;
use super::wire::{Reader, WireValue};
use crate::schema::{Shape, ValueKind};

/// One value, or one element of a list or map.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueReader<'de> {
    pub(super) slot: &'static Slot,
    pub(super) content: Content<'de>,
    pub(super) depth: usize,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'de> {
    /// The wire.
    Wire(WireValue<'de>),
    /// It is not set, and JSON shows the zero value.
    Zero,
    /// It is not set, and JSON shows null.
    Null,
}

impl<'de> ValueReader<'de> {
    fn message(self, bytes: &'de [u8]) -> Result<MessageReader<'de>, Failure> {
        let layout = self.slot.inner().ok_or_else(|| Failure::custom("a type outside of the table"))?;
        Ok(MessageReader::inner(bytes, layout, self.depth + 1))
    }

    /// Whether JSON shows null.
    fn is_null(self) -> Result<bool, Failure> {
        use ValueKind as K;
        Ok(match (self.content, self.slot.kind) {
            (Content::Null, _)
            | (
                Content::Zero,
                K::Time
                | K::MicroTime
                | K::Raw
                | K::Fields
                | K::Json
                | K::Strings
                | K::SchemaOrArray
                | K::SchemaOrStrings,
            ) => true,
            (Content::Zero, K::Bytes) => self.slot.shape != Shape::Map,
            (Content::Wire(value), K::Time | K::MicroTime) => value.bytes()?.is_empty(),
            (Content::Wire(value), K::Raw | K::Fields | K::Json) => {
                matches!(special::embedded_bytes(value)?.trim_ascii(), b"" | b"null")
            }
            (Content::Wire(value), kind @ (K::SchemaOrArray | K::SchemaOrStrings)) => {
                special::decode(kind, value, self.depth)?.is_null()
            }
            _ => false,
        })
    }

    fn visit_zero<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        use ValueKind as K;
        match self.slot.kind {
            K::Message(_) => self.message(&[])?.deserialize_any(visitor),
            K::String => visitor.visit_borrowed_str(""),
            K::Bytes if self.slot.shape == Shape::Map => visitor.visit_borrowed_str(""),
            K::Bool | K::SchemaOrBool => visitor.visit_bool(false),
            K::Int32 | K::Int64 | K::Double | K::IntOrString => visitor.visit_u64(0),
            K::Quantity => visitor.visit_borrowed_str("0"),
            _ => visitor.visit_unit(),
        }
    }

    fn visit_wire<V: Visitor<'de>>(self, value: WireValue<'de>, visitor: V) -> Result<V::Value, Failure> {
        use ValueKind as K;
        match self.slot.kind {
            K::String => visitor.visit_borrowed_str(value.text()?),
            K::Bytes => visitor.visit_string(STANDARD.encode(value.bytes()?)),
            K::Bool => visitor.visit_bool(value.varint()? != 0),
            K::Int32 => visit_integer(value.int32()?.into(), visitor),
            K::Int64 => visit_integer(value.int64()?, visitor),
            K::Double => visit_value(special::number(value.double()?)?, visitor),
            K::Time | K::MicroTime => {
                match TimeText::read(value.bytes()?, *self.slot.kind == K::MicroTime)? {
                    Some(text) => visitor.visit_str(text.as_str()),
                    None => visitor.visit_unit(),
                }
            }
            K::Quantity => visitor.visit_borrowed_str(special::quantity(value)?),
            K::IntOrString => match special::int_or_string(value.bytes()?)? {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(number) => visit_integer(number.into(), visitor),
            },
            K::Raw | K::Fields | K::Json => self.visit_embedded(special::embedded_bytes(value)?, visitor),
            K::Strings => visitor.visit_seq(Texts(Reader::new(value.bytes()?))),
            kind @ (K::SchemaOrBool | K::SchemaOrArray | K::SchemaOrStrings) => {
                visit_value(special::decode(kind, value, self.depth)?, visitor)
            }
            K::Message(_) => self.message(value.bytes()?)?.deserialize_any(visitor),
        }
    }

    /// JSON, or a whole protobuf body where an object of any kind stands.
    fn visit_embedded<V: Visitor<'de>>(self, raw: &'de [u8], visitor: V) -> Result<V::Value, Failure> {
        if raw.is_empty() {
            return visitor.visit_unit();
        }
        if raw.starts_with(MAGIC) {
            return visit_value(special::embedded(raw, self.depth)?, visitor);
        }
        let mut json = serde_json::Deserializer::from_slice(raw);
        let value = json.deserialize_any(visitor)?;
        json.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for ValueReader<'de> {
    type Error = Failure;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.content {
            Content::Wire(value) => self.visit_wire(value, visitor),
            Content::Zero => self.visit_zero(visitor),
            Content::Null => visitor.visit_unit(),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.is_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match (self.slot.kind, self.content) {
            (ValueKind::String, Content::Wire(value)) => {
                visitor.visit_enum(BorrowedStrDeserializer::<Failure>::new(value.text()?))
            }
            (ValueKind::String, Content::Zero) => {
                let empty: StrDeserializer<'_, Failure> = "".into_deserializer();
                visitor.visit_enum(empty)
            }
            (ValueKind::Message(_), Content::Wire(value)) => {
                visitor.visit_enum(MapAccessDeserializer::new(self.message(value.bytes()?)?.fields()?))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// As JSON tells whole numbers: those that are not negative without sign.
#[inline]
fn visit_integer<'de, V: Visitor<'de>>(number: i64, visitor: V) -> Result<V::Value, Failure> {
    match u64::try_from(number) {
        Ok(number) => visitor.visit_u64(number),
        Err(_) => visitor.visit_i64(number),
    }
}

fn visit_value<'de, V: Visitor<'de>>(value: Value, visitor: V) -> Result<V::Value, Failure> {
    value.deserialize_any(visitor).map_err(Failure::from)
}

/// A list of texts in a message of its own.
#[derive(Debug)]
struct Texts<'de>(Reader<'de>);

impl<'de> SeqAccess<'de> for Texts<'de> {
    type Error = Failure;

    fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        while let Some((tag, value)) = self.0.next()? {
            if tag == 1 {
                return seed.deserialize(BorrowedStrDeserializer::new(value.text()?)).map(Some);
            }
        }
        Ok(None)
    }
}
