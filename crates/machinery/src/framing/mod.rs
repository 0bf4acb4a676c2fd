//! Splitting list and watch bodies into objects while they arrive.
//!
//! Chunks of a body go in, the bytes of whole objects come out; at most one object and the envelope around
//! them are ever held. Nothing here interprets objects: what comes out is for [`header`](crate::header).

mod error;
mod event_type;
mod list;
mod protobuf_list;
mod protobuf_list_parts;
#[cfg(test)]
mod protobuf_tests;
mod protobuf_watch;
#[cfg(test)]
mod tests;
mod watch;

pub use error::{FramingError, FramingLimits};
pub use event_type::WatchEventType;
pub use list::{ListEnvelope, ListMetadata, ListSplitter};
pub use protobuf_list::ProtobufListSplitter;
pub use protobuf_watch::{ProtobufWatchFrame, ProtobufWatchSplitter};
pub use watch::{WatchFrame, WatchSplitter};
