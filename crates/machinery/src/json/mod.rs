//! Bytes of JSON objects, looked at without building values.
//!
//! [`field`] and [`prune`] read valid JSON, as a scan left it. Text is looked at in blocks of 64 bytes, as bit masks,
//! which find the ends of strings and containers without a branch per byte.

mod block;
mod cursor;
mod nesting;
mod select;

pub use select::{field, prune};

pub(crate) use nesting::Nesting;
