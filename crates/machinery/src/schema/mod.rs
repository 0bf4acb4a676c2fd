//! What the built-in Kubernetes types look like: their fields, how protobuf numbers them, how patches merge them.
//!
//! One table (`data/schema.txt`, written by `scripts/schema.py` from the Go types of Kubernetes 1.36) drives
//! everything that has to know a type: the protobuf transcoder, strategic merge patches, server-side apply and field
//! validation. The table is read once, when [`Schema::builtin`] is first called.

mod openapi;
mod table;
mod types;
mod unknown;
pub(crate) mod zero;

pub use table::{Schema, TableError};
pub use types::{
    FieldType, MergeStrategy, MessageReference, MessageType, Omission, Ownership, Shape, ValueKind,
};
pub use unknown::unknown_fields;
