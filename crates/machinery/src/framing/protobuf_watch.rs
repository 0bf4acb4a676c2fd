//! Watch bodies in protobuf: frames of a length in four bytes and an event.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::{FramingError, FramingLimits, WatchEventType};
use crate::protobuf::wire::Reader;
use crate::protobuf::{MAGIC, Unknown};

/// Bytes of a frame's length.
const HEAD: usize = 4;

/// One event of a watch, its object still bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtobufWatchFrame {
    /// What happened.
    pub event_type: WatchEventType,
    /// The object's message, without envelope. A bookmark's has only metadata; an error's is a `Status`.
    pub object: Bytes,
    /// The `apiVersion` that the object's envelope names.
    pub api_version: Arc<str>,
    /// The kind that the object's envelope names.
    pub kind: Arc<str>,
}

/// Splits the protobuf body of a watch (`application/vnd.kubernetes.protobuf;stream=watch`) into events.
///
/// A frame is a big-endian length of four bytes and a `meta/v1.WatchEvent`, whose object is a body of its own:
/// `k8s\0` and a `runtime.Unknown` (apimachinery, `util/framer` and `serializer/protobuf`). A body that is no stream
/// but one `Status`, as some proxies send, comes out at the end as an error event.
///
/// **Guarantees.** Events come out in order, each as soon as its last byte is in, objects as slices of the chunk
/// where their frame lies within one. Lengths are checked against the limits before they are believed.
#[derive(Debug)]
pub struct ProtobufWatchSplitter {
    limits: FramingLimits,
    partial: BytesMut,
    offset: u64,
    /// The body is an object without stream around it.
    lone: bool,
    api_version: Arc<str>,
    kind: Arc<str>,
}

impl ProtobufWatchSplitter {
    /// A splitter at the start of a body.
    #[must_use]
    pub fn new(limits: FramingLimits) -> Self {
        Self {
            limits,
            partial: BytesMut::new(),
            offset: 0,
            lone: false,
            api_version: Arc::from(""),
            kind: Arc::from(""),
        }
    }

    /// Takes the next chunk and appends the events it completes to `frames`, which keeps those before an error.
    pub fn push(
        &mut self,
        mut chunk: Bytes,
        frames: &mut Vec<ProtobufWatchFrame>,
    ) -> Result<(), FramingError> {
        while !chunk.is_empty() {
            let whole = if self.partial.is_empty() { self.frame_size(&chunk)? } else { None };
            if let Some(size) = whole.filter(|size| *size <= chunk.len()) {
                let frame = chunk.split_to(size);
                frames.push(self.frame(&frame)?);
                continue;
            }
            // The frame goes on in a later chunk, or began in an earlier one.
            let known = self.partial_size()?;
            let wanted = known.unwrap_or(HEAD).saturating_sub(self.partial.len()).min(chunk.len());
            self.partial.extend_from_slice(&chunk[..wanted]);
            chunk.advance(wanted);
            if self.partial_size()? == Some(self.partial.len()) {
                let frame = self.partial.split().freeze();
                frames.push(self.frame(&frame)?);
            }
        }
        Ok(())
    }

    /// Ends the body; half a frame is an error.
    pub fn finish(mut self) -> Result<Option<ProtobufWatchFrame>, FramingError> {
        let rest = self.partial.split().freeze();
        if rest.is_empty() {
            return Ok(None);
        }
        if !self.lone {
            return Err(FramingError::Truncated);
        }
        let (kind, object) = self.object(&rest)?;
        if &*kind != "Status" {
            return Err(self.no_event());
        }
        let (event_type, api_version) = (WatchEventType::Error, self.api_version.clone());
        Ok(Some(ProtobufWatchFrame { event_type, object, api_version, kind }))
    }

    /// The size with its head of the frame that begins here, once its head is there.
    fn frame_size(&mut self, bytes: &[u8]) -> Result<Option<usize>, FramingError> {
        let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
        let (length, limit) = (u32::from_be_bytes(*head), self.limits.object);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if head == MAGIC && self.offset == 0 {
            self.lone = true;
            if bytes.len() > limit {
                return Err(FramingError::TooLarge { what: "object", limit });
            }
            return Ok(Some(usize::MAX));
        }
        if length > limit {
            return Err(FramingError::TooLarge { what: "object", limit });
        }
        Ok(Some(HEAD + length))
    }

    fn partial_size(&mut self) -> Result<Option<usize>, FramingError> {
        let partial = std::mem::take(&mut self.partial);
        let size = self.frame_size(&partial);
        self.partial = partial;
        size
    }

    fn no_event(&self) -> FramingError {
        FramingError::Unexpected { expected: "an event with type and object", offset: self.offset }
    }

    /// The event of one whole frame.
    fn frame(&mut self, frame: &Bytes) -> Result<ProtobufWatchFrame, FramingError> {
        let (mut event_type, mut body) = (None, None);
        let mut reader = Reader::new(frame.get(HEAD..).unwrap_or_default());
        while let Some((tag, value)) = reader.next().map_err(FramingError::Message)? {
            match tag {
                1 => event_type = Some(value.text().map_err(FramingError::Message)?),
                2 => body = Some(raw_extension(value.bytes().map_err(FramingError::Message)?)?),
                _ => {}
            }
        }
        let (Some(event_type), Some(body)) = (event_type, body) else { return Err(self.no_event()) };
        let (kind, object) = self.object(&frame.slice_ref(body))?;
        self.offset += frame.len() as u64;
        let api_version = self.api_version.clone();
        Ok(ProtobufWatchFrame { event_type: WatchEventType::parse(event_type), object, api_version, kind })
    }

    /// The kind and the message of a body; remembers what the body says it is.
    fn object(&mut self, body: &Bytes) -> Result<(Arc<str>, Bytes), FramingError> {
        let Some(unknown) = body.strip_prefix(MAGIC) else { return Err(self.no_event()) };
        let unknown = Unknown::read(unknown).map_err(FramingError::Message)?;
        if unknown.foreign_content().is_some() {
            return Err(FramingError::Unexpected {
                expected: "protobuf that is not compressed",
                offset: self.offset,
            });
        }
        for (known, named) in [(&mut self.api_version, unknown.api_version), (&mut self.kind, unknown.kind)] {
            if **known != *named {
                *known = Arc::from(named);
            }
        }
        Ok((self.kind.clone(), body.slice_ref(unknown.raw)))
    }
}

/// Field 1 of a `runtime.RawExtension`.
fn raw_extension(bytes: &[u8]) -> Result<&[u8], FramingError> {
    let (mut reader, mut raw) = (Reader::new(bytes), &bytes[..0]);
    while let Some((tag, value)) = reader.next().map_err(FramingError::Message)? {
        if tag == 1 {
            raw = value.bytes().map_err(FramingError::Message)?;
        }
    }
    Ok(raw)
}
