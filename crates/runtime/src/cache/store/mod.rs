//! The objects of one type: how they are written, read and waited for.

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod query_tests;
mod reindex;
mod shared;
#[cfg(test)]
mod tests;
mod waiting;
mod write;

pub use shared::Store;
pub(crate) use write::{Outcome, Written};
