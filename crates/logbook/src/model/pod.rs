//! A job's pod.

use jiff::Timestamp;
use serde::Serialize;

/// The newest knowledge about one pod of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRow {
    /// The row's number in this logbook.
    pub id: i64,
    /// The job it belongs to; `None` while the job has not been seen.
    pub job_id: Option<i64>,
    /// The object's uid.
    pub uid: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The node it is bound to.
    pub node: Option<String>,
    /// Its completion index, for indexed jobs.
    pub completion_index: Option<i64>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`, as the pod says.
    pub phase: String,
    /// The word that tells most: of a waiting or ended container, of the scheduler, or of the pod itself.
    pub reason: Option<String>,
    /// The sentence that goes with the reason.
    pub message: Option<String>,
    /// The exit code of the main container that ended last, non-zero ones first.
    pub exit_code: Option<i64>,
    /// How often its containers were started again.
    pub restarts: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was bound to a node.
    pub scheduled_at: Option<Timestamp>,
    /// When its first main container started.
    pub started_at: Option<Timestamp>,
    /// When its last main container ended.
    pub ended_at: Option<Timestamp>,
    /// When its deletion was observed.
    pub deleted_at: Option<Timestamp>,
    /// The newest resource version recorded.
    pub resource_version: String,
}
