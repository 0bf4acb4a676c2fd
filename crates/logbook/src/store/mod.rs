//! The logbook's database: one SQLite file, one writer, many readers.
//!
//! **Guarantees.** Every row of a batch and the stream's position are committed together (write-ahead log,
//! `synchronous=FULL`), so what is on disk never claims more than it holds. Ids grow in the order of commits.

mod connect;
mod cursor;
mod decode;
mod error;
mod migrate;
mod read_history;
mod read_jobs;
mod read_live;

pub use connect::{Commit, Location, Store};
pub use error::StoreError;
pub use read_live::Touched;
