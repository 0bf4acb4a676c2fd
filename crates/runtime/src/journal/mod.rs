//! Journals: every version of every object of a type, kept by a sink of yours.
//!
//! A journal is the edge-recording counterpart of an informer. Nothing is coalesced; the position is
//! committed in one transaction with the entries it covers, so a restart goes on where the last commit ended;
//! and what could not be observed is recorded as a [`JournalGap`] instead of being papered over.

mod entry;
mod options;
mod sink;

pub use entry::{GapCause, JournalBatch, JournalEntry, JournalEvent, JournalGap, KnownObject, Provenance};
pub use options::JournalOptions;
pub use sink::JournalSink;
