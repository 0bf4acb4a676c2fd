//! What an informer does with a subscriber.

use std::fmt;

use pilothouse_machinery::ResourceVersion;
use tokio::time::Instant;

use super::Lag;
use crate::cache::Snapshot;
use crate::cache::store::Written;

/// The queue of one subscriber, as the informer sees it.
///
/// The informer calls all but [`lag`](Self::lag) and [`is_over_limit`](Self::is_over_limit) while nobody writes to
/// the store, so that what a queue is told and what it reads are one history.
pub(in crate::cache) trait Listener: fmt::Debug + Send + Sync {
    /// The state to start from is in `snapshot`; these objects disappeared when it came in.
    fn begin(&self, snapshot: &Snapshot, deletions: &[Written], now: Instant);

    /// More of the state to start from was asked for.
    fn read_ahead(&self, snapshot: &Snapshot);

    /// This was written; `relisted` is the version of the list when it comes from one.
    fn push(&self, written: &[Written], relisted: Option<&ResourceVersion>, now: Instant);

    /// Nothing more will come.
    fn close(&self);

    /// Whether nothing more must come before the subscriber has made room.
    fn is_over_limit(&self) -> bool {
        false
    }

    /// How far the subscriber is behind.
    fn lag(&self, now: Instant) -> Lag;
}
