//! Server-side apply: who owns which field of an object (`metadata.managedFields`), and what an apply does with it.
//!
//! Behaviour follows `sigs.k8s.io/structured-merge-diff` and the field managers of kube-apiserver. The walk over an
//! object ([`walk`], [`merge`]) knows its type as a [`View`](view::View); sets of fields ([`FieldSet`]) and their
//! entries ([`entry`]) know nothing of it; [`apply`] and [`track_update`] put the three together.

mod apply;
mod display;
mod entry;
mod error;
mod field_set;
mod field_write;
mod merge;
mod update;
mod view;
mod walk;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use error::{ApplyError, FieldConflict};
pub use field_set::{FieldSet, PathElement};
pub use field_write::FieldWrite;
pub use update::track_update;
