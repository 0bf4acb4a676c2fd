//! Which form of objects is asked for, and how answers in it are split.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use pilothouse_machinery::framing::{
    FramingError, FramingLimits, ProtobufWatchFrame, ProtobufWatchSplitter, WatchEventType, WatchFrame,
    WatchSplitter,
};
use pilothouse_machinery::protobuf::to_json;
use pilothouse_machinery::resource::split_api_version;
use pilothouse_machinery::schema::{MessageType, Schema};
use pilothouse_machinery::{GroupVersionKind, ResourceType};

use super::ReflectorOptions;
use crate::cache::{Encoding, WireFormat};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// What is asked for, until a server turns it down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    /// JSON.
    Json,
    /// Metadata alone, as JSON. A server that has no such form of the type sends all.
    Metadata,
    /// Protobuf, or JSON where the server has no protobuf.
    Protobuf,
}

impl Wire {
    pub(super) fn new(resource: &ResourceType, options: &ReflectorOptions) -> Self {
        let is_builtin = Schema::builtin().kind(&resource.group_version_kind()).is_some();
        match options.format {
            _ if options.metadata_only => Self::Metadata,
            WireFormat::PreferProtobuf if is_builtin => Self::Protobuf,
            WireFormat::PreferProtobuf | WireFormat::Json => Self::Json,
        }
    }

    /// The `Accept` header of a request.
    pub(super) fn accept(self, watch: bool) -> HeaderValue {
        HeaderValue::from_static(match (self, watch) {
            (Self::Json, _) => "application/json",
            (Self::Metadata, false) => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"
            }
            (Self::Metadata, true) => {
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"
            }
            (Self::Protobuf, false) => "application/vnd.kubernetes.protobuf, application/json",
            (Self::Protobuf, true) => "application/vnd.kubernetes.protobuf;stream=watch, application/json",
        })
    }

    /// Asks for plain JSON from now on; `false` when that is what was asked for already.
    pub(super) fn fall_back(&mut self) -> bool {
        !matches!(std::mem::replace(self, Self::Json), Self::Json)
    }
}

/// How the objects in the body of an answer are written.
pub(super) fn encoding_of<B>(response: &Response<B>) -> Encoding {
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let protobuf = media_type.is_some_and(|media_type| media_type.starts_with(PROTOBUF));
    if protobuf { Encoding::Protobuf } else { Encoding::Json }
}

/// Splits the body of a watch into events. Objects are as they come; bookmarks and errors are JSON always.
pub(super) enum EventSplitter {
    Json(WatchSplitter),
    Protobuf {
        splitter: ProtobufWatchSplitter,
        /// Room for the events of a chunk.
        messages: Vec<ProtobufWatchFrame>,
        /// What objects are.
        kind: GroupVersionKind,
    },
}

impl EventSplitter {
    pub(super) fn new(encoding: Encoding, resource: &ResourceType) -> Self {
        let limits = FramingLimits::default();
        match encoding {
            Encoding::Json => Self::Json(WatchSplitter::new(limits)),
            Encoding::Protobuf => Self::Protobuf {
                splitter: ProtobufWatchSplitter::new(limits),
                messages: Vec::new(),
                kind: resource.group_version_kind(),
            },
        }
    }

    /// How the objects of additions, updates and deletions are written.
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Json(_) => Encoding::Json,
            Self::Protobuf { .. } => Encoding::Protobuf,
        }
    }

    pub(super) fn push(&mut self, chunk: Bytes, frames: &mut Vec<WatchFrame>) -> Result<(), FramingError> {
        match self {
            Self::Json(splitter) => splitter.push(chunk, frames),
            Self::Protobuf { splitter, messages, kind } => {
                let outcome = splitter.push(chunk, messages);
                frames.extend(messages.drain(..).map(|message| frame_of(message, kind)));
                outcome
            }
        }
    }

    pub(super) fn finish(self) -> Result<Option<WatchFrame>, FramingError> {
        match self {
            Self::Json(splitter) => splitter.finish(),
            Self::Protobuf { splitter, kind, .. } => {
                Ok(splitter.finish()?.map(|message| frame_of(message, &kind)))
            }
        }
    }
}

/// The event of a message. One about an object of another kind is no event of this watch.
fn frame_of(frame: ProtobufWatchFrame, expected: &GroupVersionKind) -> WatchFrame {
    let ProtobufWatchFrame { event_type, object, api_version, kind } = frame;
    if matches!(event_type, WatchEventType::Bookmark | WatchEventType::Error) {
        let (group, version) = split_api_version(&api_version);
        let kind = GroupVersionKind::new(group.to_owned(), version.to_owned(), kind.to_string());
        let json = |message: &MessageType| to_json(&object, message, &api_version, &kind.kind).ok();
        let object = Schema::builtin().kind(&kind).and_then(json).unwrap_or_default();
        return WatchFrame { event_type, object: object.into() };
    }
    if *kind == *expected.kind && split_api_version(&api_version) == (&*expected.group, &*expected.version) {
        return WatchFrame { event_type, object };
    }
    let event_type = WatchEventType::Other(format!("{event_type} of {api_version} {kind}"));
    WatchFrame { event_type, object }
}
