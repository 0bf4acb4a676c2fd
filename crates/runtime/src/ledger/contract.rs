//! What a ledger must do.

use std::fmt;

use futures::future::BoxFuture;

use super::{HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerError, LedgerRecord};

/// Keeps what controllers know of objects that fail.
///
/// **Flow.** A controller reads its [`records`](Self::records) when it starts to work and [writes](Self::write) what
/// has changed, in batches, one at a time. Others read beside it, and may leave [`commands`](Self::commands) for it.
///
/// **Guarantees** that an implementation gives. A write happens as a whole or not at all, and what was written is read
/// by whoever reads after it. A record is found by its [identity](super::LedgerIdentity); a later one of the same
/// identity replaces it. It bounds its history by itself, dropping the oldest lines.
///
/// **Assumptions.** One controller of a name works at a time. Clusters that share a database have a ledger each.
///
/// **Cancellation.** Dropping a future leaves what it did undone or done, never half done.
pub trait Ledger: Send + Sync + fmt::Debug + 'static {
    /// What is kept for one controller, or for all; in the order of controllers and keys.
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>>;

    /// Makes these changes, in this order. Making them again changes nothing more, except that history lines may stand
    /// there twice.
    fn write<'a>(&'a self, changes: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// What became of parked objects, newest first.
    fn history<'a>(&'a self, query: &'a HistoryQuery)
    -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>>;

    /// What somebody beside the process has asked this controller to do and is not [done](LedgerChange::Done) yet, in
    /// the order in which it was asked.
    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>>;

    /// Whether it outlives the process. If so, an object that failed is not tried again before that is written, for a
    /// second at most, and commands are looked for every two seconds.
    fn is_durable(&self) -> bool {
        true
    }
}
