//! Watch bodies: one event per line.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FramingError, FramingLimits, WatchEventType};

/// One event of a watch, its object still bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFrame {
    /// What happened.
    pub event_type: WatchEventType,
    /// The object: JSON text.
    pub object: Bytes,
}

/// Splits the body of a watch into events.
///
/// A raw newline cannot occur inside JSON text that is written on one line, so lines are events. A line that is
/// a `Status` without event around it, as some proxies send, comes out as an `ERROR` event.
///
/// **Guarantees.** A line that begins and ends as servers write an event is taken apart without a look at the object,
/// so that an object that is no JSON does not end the stream: it is for a later scan to refuse. Any other line has to
/// be JSON as a whole, and so has the last one when it lacks its newline.
#[derive(Debug)]
pub struct WatchSplitter {
    limits: FramingLimits,
    partial: BytesMut,
    offset: u64,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default, rename = "type")]
    event_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
}

impl WatchSplitter {
    /// A splitter at the start of a body.
    #[must_use]
    pub fn new(limits: FramingLimits) -> Self {
        Self { limits, partial: BytesMut::new(), offset: 0 }
    }

    /// Takes the next chunk and appends the events it completes to `frames`, which keeps those before an error.
    pub fn push(&mut self, mut chunk: Bytes, frames: &mut Vec<WatchFrame>) -> Result<(), FramingError> {
        while let Some(end) = memchr::memchr(b'\n', &chunk) {
            let mut line = chunk.split_to(end + 1);
            if !self.partial.is_empty() {
                self.keep(&line)?;
                line = self.partial.split().freeze();
            }
            self.offset += line.len() as u64;
            frames.extend(self.frame(&line)?);
        }
        self.keep(&chunk)
    }

    /// Ends the body. The last line may lack its newline; half a line is an error.
    pub fn finish(self) -> Result<Option<WatchFrame>, FramingError> {
        let line = self.partial.clone().freeze();
        self.parsed(&line).map_err(|error| match error {
            FramingError::Envelope(source) if source.is_eof() => FramingError::Truncated,
            FramingError::Encoding(source) if source.error_len().is_none() => FramingError::Truncated,
            error => error,
        })
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), FramingError> {
        if self.partial.len() + part.len() > self.limits.object {
            return self.too_large();
        }
        self.partial.extend_from_slice(part);
        Ok(())
    }

    /// The event of one line; `None` for a blank one.
    fn frame(&self, line: &Bytes) -> Result<Option<WatchFrame>, FramingError> {
        match sliced(line) {
            Some(_) if line.trim_ascii().len() > self.limits.object => self.too_large(),
            Some((word, object)) => Ok(Some(WatchFrame {
                event_type: WatchEventType::parse(word),
                object: line.slice_ref(object),
            })),
            None => self.parsed(line),
        }
    }

    fn too_large<T>(&self) -> Result<T, FramingError> {
        Err(FramingError::TooLarge { what: "object", limit: self.limits.object })
    }

    /// The event of a line that may be written in any way.
    fn parsed(&self, line: &Bytes) -> Result<Option<WatchFrame>, FramingError> {
        let text = std::str::from_utf8(line).map_err(FramingError::Encoding)?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > self.limits.object {
            return self.too_large();
        }
        let parsed: Line<'_> = serde_json::from_str(text).map_err(FramingError::Envelope)?;
        match (parsed.event_type, parsed.object, parsed.kind.as_deref()) {
            (Some(event_type), Some(object), _) => Ok(Some(WatchFrame {
                event_type: WatchEventType::parse(&event_type),
                object: line.slice_ref(object.get().as_bytes()),
            })),
            (None, _, Some("Status")) => Ok(Some(WatchFrame {
                event_type: WatchEventType::Error,
                object: line.slice_ref(text.as_bytes()),
            })),
            _ => Err(FramingError::Unexpected {
                expected: "an event with type and object",
                offset: self.offset.saturating_sub(line.len() as u64),
            }),
        }
    }
}

/// The type and the object of a line of the form `{"type":"X","object":{...}}`, as servers write it.
fn sliced(line: &[u8]) -> Option<(&str, &[u8])> {
    let rest = line.strip_prefix(b"{\"type\":\"")?;
    let word = &rest[..rest.iter().position(|byte| !byte.is_ascii_alphanumeric())?];
    let object = rest[word.len()..].strip_prefix(b"\",\"object\":")?;
    let object = object.trim_ascii_end().strip_suffix(b"}")?;
    let is_object = object.first() == Some(&b'{') && object.last() == Some(&b'}');
    is_object.then_some((std::str::from_utf8(word).ok()?, object))
}
