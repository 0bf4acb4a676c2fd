//! Indexes of a store: from values to the keys of the objects that have them.
//!
//! An index holds keys, not objects, so that an update which leaves an object's values alone does not touch it.
//! A value that no object has any more leaves nothing behind (conformance S1).

mod definition;
mod error;
mod groups;
mod handle;
mod owner;
mod postings;
mod state;

pub(super) use definition::{AnyDefinition, Definition};
pub use error::IndexError;
pub use handle::{Index, IndexView};
pub(super) use owner::OwnerIndex;
pub(super) use postings::Postings;
pub(super) use state::{AnyIndex, IndexState};

/// The name of the built-in index by the uids of owners.
pub(super) const OWNER: &str = "owner";
/// The name of the built-in index by namespace. The order of keys serves it.
pub(super) const NAMESPACE: &str = "namespace";
