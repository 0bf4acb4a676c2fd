//! A job as the logbook's list and head line show it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Coverage, JobState, StateGroup};

/// The annotation of a Job that says who submitted it.
pub const SUBMITTER_ANNOTATION: &str = "logbook.pilothouse.dev/submitted-by";
/// The annotation of a Job that says through what it was submitted, as `portal`.
pub const CHANNEL_ANNOTATION: &str = "logbook.pilothouse.dev/submitted-through";

/// The newest knowledge about one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// The row's number in this logbook; grows in the order in which jobs were first seen.
    pub id: i64,
    /// The name of the cluster.
    pub cluster: String,
    /// The object's uid: the job's identity.
    pub uid: String,
    /// API version and kind, as `batch/v1 Job`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name; a later job may carry it again under another uid.
    pub name: String,
    /// Kind of the controlling owner, as `CronJob`.
    pub owner_kind: Option<String>,
    /// Name of the controlling owner.
    pub owner_name: Option<String>,
    /// Who submitted it, from the annotation [`SUBMITTER_ANNOTATION`].
    pub submitter: Option<String>,
    /// How it was submitted: from the annotation [`CHANNEL_ANNOTATION`], else the manager that wrote its first
    /// version, as `kubectl-create`.
    pub channel: Option<String>,
    /// The state.
    pub state: JobState,
    /// A CamelCase word that says why, where one is known.
    pub reason: Option<String>,
    /// One sentence that says why, where one is known.
    pub message: Option<String>,
    /// 1 for the first time it waits and runs; one more each time it waits again after having been active.
    pub attempt: i64,
    /// The exit code that tells the job's fate: of the container that failed last, or 0 after success.
    pub exit_code: Option<i64>,
    /// The newest resource version recorded.
    pub resource_version: String,
    /// How many pods may run at once.
    pub parallelism: Option<i64>,
    /// How many pods must succeed.
    pub completions: Option<i64>,
    /// Pods pending or running, as the job's status counts them.
    pub active: i64,
    /// Pods ready, as the job's status counts them.
    pub ready: i64,
    /// Pods that succeeded, as the job's status counts them.
    pub succeeded: i64,
    /// Pods that failed, as the job's status counts them.
    pub failed: i64,
    /// When it was created (the object's clock, whole seconds).
    pub created_at: Timestamp,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
    /// When it reached its terminal state.
    pub ended_at: Option<Timestamp>,
    /// Since when it has been in the state (effective time of the last transition).
    pub state_since: Timestamp,
    /// When its deletion was observed, whatever its state was then.
    pub deleted_at: Option<Timestamp>,
    /// How much of its life was observed.
    pub coverage: Coverage,
}

impl JobRow {
    /// The group of its state.
    #[must_use]
    pub fn group(&self) -> StateGroup {
        self.state.group()
    }

    /// How long it waited before it first ran, or has been waiting at `now`, or waited until it ended.
    #[must_use]
    pub fn waited(&self, now: Timestamp) -> SignedDuration {
        let until = self.started_at.or(self.ended_at).unwrap_or(now);
        until.duration_since(self.created_at).max(SignedDuration::ZERO)
    }

    /// How long it has been going at `now` since it first ran, or went until it ended; `None` if it never ran.
    #[must_use]
    pub fn ran(&self, now: Timestamp) -> Option<SignedDuration> {
        let until = self.ended_at.unwrap_or(now);
        self.started_at.map(|started| until.duration_since(started).max(SignedDuration::ZERO))
    }
}

/// Which jobs to list; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs in one of these states; empty means any. See [`StateGroup::states`].
    pub states: Vec<JobState>,
    /// Only jobs of this namespace.
    pub namespace: Option<String>,
    /// Only jobs whose name contains this text, whatever its case (ASCII).
    pub name: Option<String>,
    /// How many rows a page has; 0 means 50, more than 500 means 500.
    pub limit: u32,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last page. Opaque: give it back as it is.
    pub next: Option<String>,
}
