//! Where a journal goes.

use std::error::Error;
use std::future::Future;

use pilothouse_machinery::{ResourceType, ResourceVersion};

use super::{JournalBatch, KnownObject};

/// A durable place for entries and the position that covers them: a SQL database, usually.
///
/// One sink serves one resource type; several may share a database.
///
/// **Contract.** [`commit`](Self::commit) stores entries and position in one transaction: after a crash both
/// are there or neither. It is idempotent by uid and resource version, because a batch whose commit was not
/// acknowledged comes again. An error means "try again": the journal repeats the call with a growing pause.
///
/// **Cancellation.** The future of a commit is dropped only when the journal is shut down and the grace for it
/// has passed.
pub trait JournalSink: Send + 'static {
    /// What goes wrong in the sink.
    type Error: Error + Send + Sync + 'static;

    /// The position of the last commit; `None` (or zero) when there is none.
    fn position(
        &mut self,
        resource: &ResourceType,
    ) -> impl Future<Output = Result<Option<ResourceVersion>, Self::Error>> + Send;

    /// The objects that live as far as the sink knows, for the comparison with a complete list.
    fn known(
        &mut self,
        resource: &ResourceType,
    ) -> impl Future<Output = Result<Vec<KnownObject>, Self::Error>> + Send;

    /// Stores a batch.
    fn commit(&mut self, batch: JournalBatch) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
