//! List bodies in protobuf: `k8s\0`, an envelope, and in it a list whose items are field 2.

use bytes::{Bytes, BytesMut};

use super::protobuf_list_parts::{Level, ListParts, Numbers, Place};
use super::{FramingError, FramingLimits, ListEnvelope};
use crate::protobuf::{MAGIC, WireError};

/// Items up to this size get the memory they need at once when they come in pieces; longer ones grow as they come.
const ROOM: usize = 64 << 10;

/// Splits the protobuf body of a list into its items.
///
/// The body is `k8s\0` and a `runtime.Unknown` (apimachinery, `serializer/protobuf`) around a message with the
/// list's metadata in field 1 and its items in field 2.
///
/// **Guarantees.** Items come out in order, each as soon as its last byte is in, as a slice of the chunk where it
/// lies within one: the bytes of one message each, for [`scan_protobuf`](crate::header). The fields of the list may
/// be in any order. Lengths are checked against the limits, and against the list's own length, before they are
/// believed. What is inside an item is for a later scan to validate.
#[derive(Debug)]
pub struct ProtobufListSplitter {
    limits: FramingLimits,
    place: Place,
    numbers: Numbers,
    /// Bytes of the list that have not come yet, while within it.
    raw: Option<u64>,
    seen_list: bool,
    offset: u64,
    /// Bytes outside of items.
    around: usize,
    /// The field of the envelope that is being read, or the start of an item that began in an earlier chunk.
    partial: BytesMut,
    parts: ListParts,
}

impl ProtobufListSplitter {
    /// A splitter at the start of a body.
    #[must_use]
    pub fn new(limits: FramingLimits) -> Self {
        Self {
            limits,
            place: Place::Prefix { at: 0 },
            numbers: Numbers::default(),
            raw: None,
            seen_list: false,
            offset: 0,
            around: 0,
            partial: BytesMut::new(),
            parts: ListParts::default(),
        }
    }

    /// Takes the next chunk and appends the items it completes to `items`, which keeps those before an error.
    pub fn push(&mut self, chunk: &Bytes, items: &mut Vec<Bytes>) -> Result<(), FramingError> {
        let mut at = 0;
        while at < chunk.len() {
            let end = match self.place {
                Place::Prefix { .. } | Place::Key | Place::Length { .. } | Place::Number => {
                    self.byte(chunk[at], items)?;
                    at + 1
                }
                Place::Skip { left } | Place::Keep { left, .. } | Place::Item { left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len() - at);
                    self.content(chunk, at..at + here, left - here as u64, items)?;
                    at + here
                }
            };
            self.pass(end - at)?;
            at = end;
        }
        Ok(())
    }

    /// Ends the body and gives what was around the items. A body that is not complete is an error, so that a list
    /// cut short is never taken for a short list (conformance J5); nor is the body of another kind, such as a
    /// `Status` behind a proxy's 200.
    pub fn finish(self) -> Result<ListEnvelope, FramingError> {
        let between_fields = self.place == Place::Key && self.numbers.is_empty() && self.raw.is_none();
        if !between_fields {
            return Err(FramingError::Truncated);
        }
        if self.seen_list || self.parts.has_kind() {
            self.parts.check_kind()?;
        }
        if !self.seen_list {
            return Err(FramingError::Truncated);
        }
        Ok(self.parts.envelope)
    }

    /// Counts bytes as read, and leaves the list after its last.
    fn pass(&mut self, count: usize) -> Result<(), FramingError> {
        self.offset += count as u64;
        if self.around > self.limits.envelope {
            return Err(FramingError::TooLarge { what: "envelope", limit: self.limits.envelope });
        }
        if self.raw == Some(0) {
            if self.place != Place::Key || !self.numbers.is_empty() {
                return Err(self.unexpected("the whole of a field within the list"));
            }
            self.raw = None;
        }
        Ok(())
    }

    fn unexpected(&self, expected: &'static str) -> FramingError {
        FramingError::Unexpected { expected, offset: self.offset }
    }

    /// Takes a byte of the prefix, of a field's key or of a number.
    fn byte(&mut self, byte: u8, items: &mut Vec<Bytes>) -> Result<(), FramingError> {
        self.around += 1;
        if let Place::Prefix { at } = self.place {
            if byte != MAGIC[at] {
                return Err(self.unexpected("the prefix of Kubernetes protobuf"));
            }
            self.place = if at + 1 < MAGIC.len() { Place::Prefix { at: at + 1 } } else { Place::Key };
            return Ok(());
        }
        if let Some(left) = &mut self.raw {
            *left = left.saturating_sub(1);
        }
        let Some(number) = self.numbers.take(byte).map_err(FramingError::Message)? else { return Ok(()) };
        match self.place {
            Place::Length { tag } => self.field(tag, number, items),
            Place::Number => {
                self.place = Place::Key;
                Ok(())
            }
            _ => self.key(number),
        }
    }

    /// Takes a field's number and wire type.
    fn key(&mut self, key: u64) -> Result<(), FramingError> {
        let tag = u32::try_from(key >> 3).ok().filter(|tag| (1..1 << 29).contains(tag));
        let tag = tag.ok_or(FramingError::Message(WireError::BadFieldNumber))?;
        if tag <= 4 && key & 7 != 2 && (self.raw.is_none() || tag <= 2) {
            return Err(self.unexpected("a field that has a length"));
        }
        self.place = match key & 7 {
            0 => Place::Number,
            1 => self.skip(8)?,
            2 => Place::Length { tag },
            5 => self.skip(4)?,
            _ => return Err(self.unexpected("a field of a known wire type")),
        };
        Ok(())
    }

    fn skip(&self, left: u64) -> Result<Place, FramingError> {
        if self.raw.is_some_and(|raw| raw < left) {
            return Err(self.unexpected("the whole of a field within the list"));
        }
        Ok(Place::Skip { left })
    }

    /// Begins the content of a field whose length is known now.
    fn field(&mut self, tag: u32, left: u64, items: &mut Vec<Bytes>) -> Result<(), FramingError> {
        let level = if self.raw.is_some() { Level::List } else { Level::Envelope };
        if self.raw.is_some_and(|raw| raw < left) {
            return Err(self.unexpected("the whole of a field within the list"));
        }
        self.place = match (level, tag) {
            (Level::Envelope, 2) => {
                if std::mem::replace(&mut self.seen_list, true) {
                    return Err(self.unexpected("only one list"));
                }
                if self.parts.has_kind() {
                    self.parts.check_kind()?;
                }
                self.raw = Some(left);
                self.place = Place::Key;
                return Ok(());
            }
            (Level::List, 2) => {
                Self::check_limit(left, "object", self.limits.object)?;
                Place::Item { left }
            }
            (Level::Envelope, 1 | 3 | 4) | (Level::List, 1) => Place::Keep { level, tag, left },
            _ => Place::Skip { left },
        };
        if !matches!(self.place, Place::Item { .. }) {
            Self::check_limit(left.saturating_add(self.around as u64), "envelope", self.limits.envelope)?;
        }
        if left == 0 {
            self.complete(items, Bytes::new())?;
        }
        Ok(())
    }

    fn check_limit(length: u64, what: &'static str, limit: usize) -> Result<(), FramingError> {
        if length > limit as u64 {
            return Err(FramingError::TooLarge { what, limit });
        }
        Ok(())
    }

    /// Takes bytes of a field, after which `left` are still to come.
    fn content(
        &mut self,
        chunk: &Bytes,
        range: std::ops::Range<usize>,
        left: u64,
        items: &mut Vec<Bytes>,
    ) -> Result<(), FramingError> {
        if let Some(raw) = &mut self.raw {
            *raw = raw.saturating_sub(range.len() as u64);
        }
        let skipped = matches!(self.place, Place::Skip { .. });
        if !matches!(self.place, Place::Item { .. }) {
            self.around += range.len();
        }
        let whole = left == 0 && self.partial.is_empty();
        if !skipped && !whole {
            if self.partial.is_empty() {
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                self.partial.reserve(left.saturating_add(range.len()).min(ROOM));
            }
            self.partial.extend_from_slice(&chunk[range.clone()]);
        }
        if left == 0 {
            let bytes = if whole { chunk.slice(range) } else { self.partial.split().freeze() };
            return self.complete(items, bytes);
        }
        match &mut self.place {
            Place::Skip { left: rest } | Place::Keep { left: rest, .. } | Place::Item { left: rest } => {
                *rest = left;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the whole content of a field.
    fn complete(&mut self, items: &mut Vec<Bytes>, bytes: Bytes) -> Result<(), FramingError> {
        match self.place {
            Place::Item { .. } => items.push(bytes),
            Place::Keep { level, tag, .. } => {
                self.parts.take(level, tag, &bytes).map_err(FramingError::Message)?;
                if self.parts.is_foreign() {
                    return Err(self.unexpected("protobuf that is not compressed"));
                }
            }
            _ => {}
        }
        self.place = Place::Key;
        Ok(())
    }
}
