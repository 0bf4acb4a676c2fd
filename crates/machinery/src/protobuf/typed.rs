//! One message of protobuf to a Rust type, straight from the wire.

use serde::de::DeserializeOwned;

use super::error::DecodeError;
use super::failure::Failure;
use super::fields::MessageReader;
use super::gather::gather;
use super::layout::Layout;
use crate::schema::MessageType;

/// Reads the message of an object of a built-in type into a Rust type.
///
/// The type sees what it would see in the JSON that [`decode`](super::decode) gives for the same object: names and
/// forms of JSON, `apiVersion` and `kind` in front where the type is a kind of its own, zero values where Go's JSON
/// shows them. Nothing is built in between; texts are borrowed from the message until the type copies them.
///
/// Fields that come in pieces, which no server of Kubernetes sends but protobuf allows, are put together first.
///
/// # Errors
///
/// [`DecodeError`] when the bytes are not a message of this type or the Rust type refuses a value, with the JSON path
/// of the field. No input makes this panic, and nesting is bounded.
pub fn from_message<T: DeserializeOwned>(
    message: &[u8],
    message_type: &MessageType,
) -> Result<T, DecodeError> {
    let layout = layout(message_type)?;
    match read(message, layout) {
        Err(failure) if failure.is_scattered() => Ok(read(&gather(message, layout, 0)?, layout)?),
        other => Ok(other?),
    }
}

fn read<T: DeserializeOwned>(message: &[u8], layout: &'static Layout) -> Result<T, Failure> {
    T::deserialize(MessageReader::whole(message, layout))
}

/// The layout of a type of the built-in table.
pub(super) fn layout(message_type: &MessageType) -> Result<&'static Layout, DecodeError> {
    let name = || DecodeError::UnknownType { name: message_type.name.to_string() };
    Layout::of(message_type).ok_or_else(name)
}
