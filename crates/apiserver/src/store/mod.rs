//! All objects of the server: one counter, one ordered tree and one history per resource.
//!
//! **Invariants.**
//! - S-I1: one counter numbers all writes; revisions of one resource rise strictly, in the tree, in its history and on
//!   the wire, and a watch sees each write of its resource once, in order.
//! - S-I2: stored bytes are JSON that the server encoded itself, and carry their own resource version.
//! - S-I3: a history holds every event after its floor.

mod event;
mod history;
mod limits;
mod object;
mod resource;
mod state;
mod wakers;

#[cfg(test)]
mod tests;

pub(crate) use event::{Event, EventKind, frame};
pub use limits::HistoryLimits;
pub(crate) use object::{StoredObject, encode};
pub(crate) use resource::Objects;
pub(crate) use state::{Expired, Read, Snapshot, Store, Ticket};
