//! What becomes of objects whose reconciles fail: counted, tried again, given up (parked), replayed, dropped.
//!
//! A plain table (`table`) knows each failing object and what the ledger has not been told (`pending`); [`Parking`]
//! puts a lock, the queue and the cache around it; a task (`keeper`) writes to the ledger and reads from it. Objects
//! that do not fail cost one look at an atomic number.
//!
//! Invariants, checked in debug builds:
//!
//! - **D-I1** an object is in the table at most once, with the uid of its last failure;
//! - **D-I2** a parked object is served only after it has left the table;
//! - **D-I3** what the ledger may hold and the table does not is on the list of what to remove, or the ledger is to be
//!   written anew;
//! - **D-I4** the table holds at most as many parked objects as the options say, and as many that are tried again.

mod dead_letters;
mod handle;
mod keeper;
mod metrics;
mod options;
mod pending;
mod selector;
mod subject;
mod table;
#[cfg(test)]
mod table_model;

pub use dead_letters::DeadLetters;
pub(super) use handle::{Admission, Parking, Setting, Verdict};
pub(super) use keeper::Keeper;
pub use options::{DeadLetterOptions, ReturnOn};
pub use selector::DeadLetterSelector;
