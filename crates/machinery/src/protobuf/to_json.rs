//! One message of protobuf to the text of JSON.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::DecodeError;
use super::failure::Failure;
use super::fields::MessageReader;
use super::gather::gather;
use super::layout::Layout;
use super::typed::layout;
use crate::schema::MessageType;

/// Writes the message of an object as the JSON that [`decode`](super::decode) gives for it, with this `apiVersion` and
/// `kind` in front and the fields in the order of the message.
///
/// # Errors
///
/// [`DecodeError`] when the bytes are not a message of this type.
pub fn to_json(
    message: &[u8],
    message_type: &MessageType,
    api_version: &str,
    kind: &str,
) -> Result<Vec<u8>, DecodeError> {
    let layout = layout(message_type)?;
    match write(message, layout, api_version, kind) {
        Err(failure) if failure.is_scattered() => {
            Ok(write(&gather(message, layout, 0)?, layout, api_version, kind)?)
        }
        other => Ok(other?),
    }
}

fn write(message: &[u8], layout: &'static Layout, api_version: &str, kind: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::with_capacity(message.len() * 2 + 64);
    text.extend_from_slice(b"{\"apiVersion\":");
    scalar::<Failure>(&mut text, api_version)?;
    text.extend_from_slice(b",\"kind\":");
    scalar::<Failure>(&mut text, kind)?;
    entries(&mut text, MessageReader::inner(message, layout, 0).fields()?, false)?;
    text.push(b'}');
    Ok(text)
}

fn scalar<E: Error>(text: &mut Vec<u8>, value: impl Serialize) -> Result<(), E> {
    serde_json::to_writer(text, &value).map_err(E::custom)
}

fn entries<'de, A: MapAccess<'de>>(text: &mut Vec<u8>, mut map: A, first: bool) -> Result<(), A::Error> {
    let mut comma = !first;
    loop {
        let end = text.len();
        if std::mem::replace(&mut comma, true) {
            text.push(b',');
        }
        if map.next_key_seed(Text(&mut *text))?.is_none() {
            text.truncate(end);
            return Ok(());
        }
        text.push(b':');
        map.next_value_seed(Text(&mut *text))?;
    }
}

/// Writes what it is shown.
struct Text<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        scalar(self.0, value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        scalar(self.0, value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        scalar(self.0, value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        scalar(self.0, value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        scalar(self.0, value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        while items.next_element_seed(Text(&mut *self.0))?.is_some() {
            self.0.push(b',');
        }
        if self.0.last() == Some(&b',') {
            self.0.pop();
        }
        self.0.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.push(b'{');
        entries(self.0, map, true)?;
        self.0.push(b'}');
        Ok(())
    }
}
