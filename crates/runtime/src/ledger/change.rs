//! What is written.

use std::sync::Arc;

use super::{HistoryLine, LedgerCommand, LedgerIdentity, LedgerRecord};

/// One change of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerChange {
    /// Keep this record, in place of an earlier one of the same identity.
    Put(Arc<LedgerRecord>),
    /// Forget the record of this identity, if there is one.
    Remove(LedgerIdentity),
    /// Forget all records of this controller; history stays.
    Clear {
        /// The controller.
        controller: Arc<str>,
    },
    /// Append a line to the history.
    Note(HistoryLine),
    /// Leave a command for a controller; one of the same id replaces it.
    Ask(LedgerCommand),
    /// A command was done: forget it.
    Done {
        /// Its id.
        id: String,
    },
}
