//! Journals: every version of every object of a type, kept by a sink of yours.
//!
//! A journal is the edge-recording counterpart of an informer. Nothing is coalesced; the position is
//! committed in one transaction with the entries it covers, so a restart goes on where the last commit ended;
//! and what could not be observed is recorded as a [`JournalGap`] instead of being papered over.

mod buffer;
mod entry;
mod error;
mod metrics;
mod options;
mod reader;
mod recorder;
mod recording;
mod relist;
mod sink;
#[cfg(test)]
mod tests;

pub use entry::{GapCause, JournalBatch, JournalEntry, JournalEvent, JournalGap, KnownObject, Provenance};
pub use error::JournalError;
use metrics::JournalMetrics;
pub use options::JournalOptions;
pub use recording::Journal;
pub use sink::JournalSink;
