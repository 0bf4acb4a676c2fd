//! What all parts of one batch share while it is written.

use pilothouse_machinery::ResourceVersion;
use sqlx::sqlite::SqliteConnection;

use super::commit::Recorder;
use crate::metrics::BatchCounts;
use crate::store::{Families, StreamKey};

/// One batch being written.
pub(super) struct Batch<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) families: &'a mut Families,
    pub(super) stream: StreamKey<'a>,
    /// The gap that the batch closes.
    pub(super) gap_id: Option<i64>,
    pub(super) latest_transition: Option<i64>,
    pub(super) notifications: u64,
    pub(super) counts: BatchCounts,
}

/// Whether version `one` is known to be before version `other`.
pub(super) fn is_older(one: &str, other: &str) -> bool {
    ResourceVersion::parse(one).compare(&ResourceVersion::parse(other)) == Some(std::cmp::Ordering::Less)
}
