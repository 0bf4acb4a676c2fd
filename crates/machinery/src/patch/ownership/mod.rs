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
mod merge;
mod update;
mod view;
mod walk;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use error::{ApplyError, FieldConflict};
pub use field_set::{FieldSet, PathElement};
pub use update::track_update;

/// Who writes, and how: what an entry of `managedFields` says about a write.
#[derive(Clone, Copy, Debug)]
pub struct FieldWrite<'a> {
    /// The name of the manager (`fieldManager`, or the start of the user agent).
    pub manager: &'a str,
    /// The `apiVersion` of the write.
    pub api_version: &'a str,
    /// `status`, `scale` or another subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write.
    pub now: jiff::Timestamp,
    /// Top-level fields that this write cannot change, as `status` when the object itself is written.
    pub ignored: &'a [&'a str],
}
