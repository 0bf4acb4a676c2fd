//! The bytes a cache keeps of a protobuf message: the object without `managedFields`.

use bytes::Bytes;

use super::ScannedObject;
use super::scan_protobuf::{MANAGED_FIELDS, METADATA};
use crate::protobuf::wire::{Reader, Writer};

/// Copies the message into an allocation of its own that it fills exactly, without `metadata.managedFields`.
///
/// `scanned` must come from [`scan_protobuf`](super::Scanner::scan_protobuf) of the same message. The rest of the
/// message is copied as it is, fields that the table does not know included.
#[must_use]
pub fn cut_managed_fields(message: &[u8], scanned: &ScannedObject) -> Bytes {
    if scanned.managed_fields.is_none() {
        return Bytes::copy_from_slice(message);
    }
    let mut size = 0;
    each_part(message, |part| size += part.size());
    let mut writer = Writer::with_capacity(size);
    each_part(message, |part| match part {
        Part::Metadata(bytes, length) => {
            writer.head(METADATA, length);
            each_kept(bytes, |kept| writer.raw(kept));
        }
        Part::Other(bytes) => writer.raw(bytes),
    });
    Bytes::from(writer.into_bytes())
}

/// A stretch of the message.
enum Part<'a> {
    /// The content of the metadata, or of a piece of it, and how long it is without `managedFields`.
    Metadata(&'a [u8], usize),
    /// Fields that stay as they are.
    Other(&'a [u8]),
}

impl Part<'_> {
    fn size(&self) -> usize {
        match self {
            Self::Metadata(_, length) => Writer::head_size(METADATA, *length) + length,
            Self::Other(bytes) => bytes.len(),
        }
    }
}

/// Calls back for each stretch of the message. What cannot be read, which a scanned message has none of, stays as
/// it is.
fn each_part<'a>(message: &'a [u8], mut take: impl FnMut(Part<'a>)) {
    let mut reader = Reader::new(message);
    // Where the stretch begins that has not been told yet.
    let mut start = message;
    loop {
        let before = reader.rest();
        match reader.next() {
            Ok(Some((METADATA, value))) => {
                let Ok(content) = value.bytes() else { continue };
                take(Part::Other(&start[..start.len() - before.len()]));
                let mut length = 0;
                each_kept(content, |kept| length += kept.len());
                take(Part::Metadata(content, length));
                start = reader.rest();
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return take(Part::Other(start)),
        }
    }
}

/// Calls back for each stretch of the metadata that is not `managedFields`.
fn each_kept<'a>(metadata: &'a [u8], mut take: impl FnMut(&'a [u8])) {
    let mut reader = Reader::new(metadata);
    let mut start = metadata;
    loop {
        let before = reader.rest();
        match reader.next() {
            Ok(Some((MANAGED_FIELDS, _))) => {
                take(&start[..start.len() - before.len()]);
                start = reader.rest();
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return take(start),
        }
    }
}
