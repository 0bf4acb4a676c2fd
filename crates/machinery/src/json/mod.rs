//! Bytes of JSON objects, looked at without building values.
//!
//! [`field`] and [`prune`] read valid JSON, as a scan left it. Text is looked at in blocks of 64 bytes, as bit masks,
//! which find the ends of strings and containers without a branch per byte.

mod block;
mod cursor;
mod lexical;
mod nesting;
mod outline;
mod select;
mod strict;
#[cfg(test)]
mod tests;

pub use select::{field, prune};

pub(crate) use cursor::Cursor;
pub(crate) use nesting::Nesting;
pub(crate) use outline::Outline;
pub(crate) use strict::check;
