//! The envelope around an object: `k8s\0` and `runtime.Unknown`.

use bytes::Bytes;
use serde_json::Value;

use super::error::{DecodeError, EncodeError, ValueError, WireError};
use super::wire::{Reader, Writer};
use super::{from_wire, to_wire};
use crate::GroupVersionKind;
use crate::resource::split_api_version;
use crate::schema::Schema;

/// The media type of such bodies.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The bytes that a body begins with.
pub const MAGIC: &[u8; 4] = b"k8s\0";

/// Reads a body: the kind that it names, and the object as JSON with `apiVersion` and `kind`.
///
/// # Errors
///
/// [`DecodeError`] when the body is no envelope, names no built-in kind, is truncated or not of its type. No input
/// makes this panic, and nesting is bounded.
pub fn decode(body: &[u8]) -> Result<(GroupVersionKind, Value), DecodeError> {
    read(body, 0)
}

/// Reads a body that stands at this depth inside another one.
pub(super) fn read(body: &[u8], depth: usize) -> Result<(GroupVersionKind, Value), DecodeError> {
    let unknown = Unknown::read(body.strip_prefix(MAGIC).ok_or(DecodeError::NotAnEnvelope)?)?;
    if let Some(content) = unknown.foreign_content() {
        return Err(DecodeError::Content { content: content.to_owned() });
    }
    if unknown.kind.is_empty() || unknown.api_version.is_empty() {
        return Err(DecodeError::MissingKind);
    }
    let (group, version) = split_api_version(unknown.api_version);
    let kind = GroupVersionKind::new(group.to_owned(), version.to_owned(), unknown.kind.to_owned());
    let Some(message) = Schema::builtin().kind(&kind) else {
        return Err(DecodeError::UnknownKind { kind });
    };
    let mut object = from_wire::message(unknown.raw, message, depth)?;
    object.insert("apiVersion".to_owned(), unknown.api_version.into());
    object.insert("kind".to_owned(), unknown.kind.into());
    Ok((kind, Value::Object(object)))
}

/// Writes a body of this kind; `apiVersion` and `kind` in the object are not looked at.
///
/// Fields that the kind does not have are left out, as are nulls.
///
/// # Errors
///
/// [`EncodeError`] when the kind is not a built-in one or a value does not fit its field.
pub fn encode(kind: &GroupVersionKind, object: &Value) -> Result<Bytes, EncodeError> {
    write(kind, object, 0).map(Bytes::from)
}

/// Writes a body that stands at this depth inside another one.
pub(super) fn write(kind: &GroupVersionKind, object: &Value, depth: usize) -> Result<Vec<u8>, EncodeError> {
    let message =
        Schema::builtin().kind(kind).ok_or_else(|| EncodeError::UnknownKind { kind: kind.clone() })?;
    let raw = to_wire::message(object, message, depth)?;
    Ok(wrap(&kind.api_version(), &kind.kind, &raw))
}

/// Writes the message of an object of this kind, without the envelope around it.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_message(kind: &GroupVersionKind, object: &Value) -> Result<Bytes, EncodeError> {
    let message =
        Schema::builtin().kind(kind).ok_or_else(|| EncodeError::UnknownKind { kind: kind.clone() })?;
    to_wire::message(object, message, 0).map(Bytes::from)
}

/// Puts the envelope around the message of an object.
#[must_use]
pub fn envelope(api_version: &str, kind: &str, message: &[u8]) -> Bytes {
    wrap(api_version, kind, message).into()
}

/// Writes the body of a list out of its metadata and the messages of its items.
///
/// # Errors
///
/// [`EncodeError`] when `metadata` is not that of a list.
pub fn encode_list(
    api_version: &str,
    kind: &str,
    metadata: &Value,
    items: &[Bytes],
) -> Result<Bytes, EncodeError> {
    let list_meta = Schema::builtin().message("meta/v1.ListMeta");
    let list_meta = list_meta.ok_or(ValueError::NotA { expected: "the metadata of a list" })?;
    let metadata = to_wire::message(metadata, list_meta, 0)?;
    let size = |bytes: &[u8]| Writer::head_size(1, bytes.len()) + bytes.len();
    let mut list =
        Writer::with_capacity(size(&metadata) + items.iter().map(|item| size(item)).sum::<usize>());
    list.bytes(1, &metadata);
    for item in items {
        list.bytes(2, item);
    }
    Ok(wrap(api_version, kind, &list.into_bytes()).into())
}

/// Writes one frame of a watch around a body: its length in four bytes and a `WatchEvent`.
#[must_use]
pub fn watch_frame(event_type: &str, body: &[u8]) -> Bytes {
    let mut event = Writer::with_capacity(body.len() + event_type.len() + 16);
    event.bytes(1, event_type.as_bytes());
    let raw = Writer::head_size(1, body.len()) + body.len();
    event.head(2, raw);
    event.bytes(1, body);
    let event = event.into_bytes();
    let length = u32::try_from(event.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &event].concat().into()
}

fn wrap(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let mut type_meta = Writer::default();
    type_meta.bytes(1, api_version.as_bytes());
    type_meta.bytes(2, kind.as_bytes());
    let type_meta = type_meta.into_bytes();
    let mut body = Writer::with_capacity(MAGIC.len() + type_meta.len() + message.len() + 24);
    body.raw(MAGIC);
    body.bytes(1, &type_meta);
    body.bytes(2, message);
    body.bytes(3, b"");
    body.bytes(4, b"");
    body.into_bytes()
}

/// `runtime.Unknown`.
#[derive(Default)]
pub(crate) struct Unknown<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    /// The object's message; a part of the input even when it is empty.
    pub(crate) raw: &'a [u8],
    content_encoding: &'a str,
    content_type: &'a str,
}

impl<'a> Unknown<'a> {
    /// Reads the message after the prefix.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut unknown = Self { raw: &bytes[..0], ..Self::default() };
        let mut reader = Reader::new(bytes);
        while let Some((tag, value)) = reader.next()? {
            match tag {
                1 => {
                    let mut type_meta = Reader::new(value.bytes()?);
                    while let Some((tag, value)) = type_meta.next()? {
                        match tag {
                            1 => unknown.api_version = value.text()?,
                            2 => unknown.kind = value.text()?,
                            _ => {}
                        }
                    }
                }
                2 => unknown.raw = value.bytes()?,
                3 => unknown.content_encoding = value.text()?,
                4 => unknown.content_type = value.text()?,
                _ => {}
            }
        }
        Ok(unknown)
    }

    /// The content encoding or type, where it says that the object is no plain protobuf.
    pub(crate) fn foreign_content(&self) -> Option<&'a str> {
        let contents = [self.content_encoding, self.content_type];
        contents.into_iter().find(|content| !content.is_empty() && *content != MEDIA_TYPE)
    }
}
