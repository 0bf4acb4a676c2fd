//! Splitting list and watch bodies into objects while they arrive.
//!
//! Chunks of a body go in, the bytes of whole objects come out; at most one object and the envelope around
//! them are ever held. Nothing here interprets objects: what comes out is for [`header`](crate::header).

mod error;
mod list;
#[cfg(test)]
mod tests;
mod watch;

pub use error::{FramingError, FramingLimits};
pub use list::{ListEnvelope, ListMetadata, ListSplitter};
pub use watch::{WatchFrame, WatchSplitter};
