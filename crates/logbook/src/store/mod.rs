//! The logbook's database: one SQLite file, one writer, many readers.
//!
//! **Guarantees.** Every row of a batch and the stream's position are committed together (write-ahead log,
//! `synchronous=FULL`), so what is on disk never claims more than it holds. Ids grow in the order of commits.

mod connect;
mod cursor;
mod decode;
mod error;
mod families;
mod migrate;
mod outbox;
mod read_history;
mod read_jobs;
mod read_live;
mod read_stream;
#[cfg(test)]
mod tests;
mod write_job;
mod write_pod;
mod write_revision;
mod write_stream;
mod writer;

pub use connect::{Commit, Location, Store};
pub use error::StoreError;
pub use read_live::Touched;

pub(crate) use families::{Families, Family};
pub(crate) use outbox::{
    Attempt, DueNotification, NewNotification, Outcome, put_destination, put_notification,
};
pub(crate) use read_stream::Objects;
pub(crate) use write_job::{
    JobContent, JobPosition, NewTransition, StoredJob, add_exit_code, insert_job, insert_transition,
    mark_deleted, update_cause, update_content, update_position,
};
pub(crate) use write_pod::{PodContent, pod_owner, put_pod};
pub(crate) use write_revision::{NewRevision, PackedDocument, adopt, put_revision};
pub(crate) use write_stream::{StreamKey, link_gap, put_cluster, put_gap, put_position};
