//! Where a [`ProtobufListSplitter`](super::ProtobufListSplitter) is in its body, and what it learns around the items.

use super::{FramingError, ListEnvelope};
use crate::protobuf::wire::Reader;
use crate::protobuf::{MEDIA_TYPE, WireError};

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The prefix of Kubernetes protobuf.
    Prefix { at: usize },
    /// A field's number and wire type, or the end.
    Key,
    /// The length of a field.
    Length { tag: u32 },
    /// A number that nobody asks for.
    Number,
    /// Bytes that nobody asks for.
    Skip { left: u64 },
    /// A field of the envelope or of the list that is not an item.
    Keep { level: Level, tag: u32, left: u64 },
    /// An item.
    Item { left: u64 },
}

/// Which message a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `runtime.Unknown`.
    Envelope,
    /// The list within.
    List,
}

/// A variable-length number that may come in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    number: u64,
    shift: u32,
}

impl Numbers {
    /// Whether no number has begun.
    pub(super) fn is_empty(self) -> bool {
        self.shift == 0
    }

    /// Takes a byte; the number when it is complete.
    pub(super) fn take(&mut self, byte: u8) -> Result<Option<u64>, WireError> {
        if self.shift >= 70 {
            return Err(WireError::LongNumber);
        }
        self.number |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        if byte & 0x80 != 0 {
            return Ok(None);
        }
        Ok(Some(std::mem::take(self).number))
    }
}

/// What is around the items.
#[derive(Debug, Default)]
pub(super) struct ListParts {
    pub(super) envelope: ListEnvelope,
    foreign: bool,
}

impl ListParts {
    /// Whether the content is compressed or of another media type.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Whether the kind is known already.
    pub(super) fn has_kind(&self) -> bool {
        self.envelope.kind.is_some()
    }

    /// Refuses a body that is not a list by the kind it names.
    pub(super) fn check_kind(&self) -> Result<(), FramingError> {
        let kind = self.envelope.kind.as_deref().unwrap_or_default();
        if kind.ends_with("List") {
            return Ok(());
        }
        Err(FramingError::NotAList { kind: kind.to_owned() })
    }

    /// Reads a field of the envelope or the list's metadata.
    pub(super) fn take(&mut self, level: Level, tag: u32, bytes: &[u8]) -> Result<(), WireError> {
        match (level, tag) {
            (Level::List, _) => self.list_metadata(bytes),
            (Level::Envelope, 1) => self.type_meta(bytes),
            (Level::Envelope, _) => {
                self.foreign |= !bytes.is_empty() && bytes != MEDIA_TYPE.as_bytes();
                Ok(())
            }
        }
    }

    fn type_meta(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(bytes);
        while let Some((tag, value)) = reader.next()? {
            match tag {
                1 => self.envelope.api_version = Some(value.text()?.to_owned()),
                2 => self.envelope.kind = Some(value.text()?.to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    fn list_metadata(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let metadata = &mut self.envelope.metadata;
        let mut reader = Reader::new(bytes);
        while let Some((tag, value)) = reader.next()? {
            match tag {
                2 => metadata.resource_version = Some(value.text()?.to_owned()),
                3 => metadata.continue_token = Some(value.text()?.to_owned()),
                4 => metadata.remaining_item_count = u64::try_from(value.int64()?).ok(),
                _ => {}
            }
        }
        Ok(())
    }
}
