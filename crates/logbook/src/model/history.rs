//! What was recorded, and what could not be.

use jiff::Timestamp;
use serde::Serialize;

use super::JobState;
use super::text_enum::text_enum;

text_enum! {
    /// How a revision or a transition came to be known.
    Provenance, "provenance" {
        /// Seen on an open watch.
        Watch = "watch",
        /// Seen on a watch resumed from the stored position.
        Resume = "resume",
        /// Found by the first list.
        InitialList = "initial_list",
        /// Found by the list that closed a gap.
        ListAfterGap = "list_after_gap",
        /// Not seen; concluded from times inside an object that was seen.
        InferredStatus = "inferred_status",
        /// Not seen; concluded from an object's absence in a complete list.
        InferredAbsence = "inferred_absence",
    }
}

text_enum! {
    /// What happened to an object at one resource version.
    RevisionEvent, "revision event" {
        /// It appeared.
        Added = "added",
        /// It changed.
        Modified = "modified",
        /// It was deleted; the document is its last state with the deletion's own resource version.
        Deleted = "deleted",
        /// It was absent from a complete list; there is no document.
        Vanished = "vanished",
    }
}

text_enum! {
    /// How much of a job's life was observed.
    Coverage, "coverage" {
        /// From its creation on, without interruption.
        Full = "full",
        /// First seen when it was already under way.
        LeftCensored = "left_censored",
        /// Some interval of its life was not observed.
        Gap = "gap",
    }
}

/// One change of a job's state. Never changed nor removed once committed, except that an exit code may be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Grows in the order of commits over all jobs and is never used again: the cursor of live updates.
    pub id: i64,
    /// The job.
    pub job_id: i64,
    /// 1, 2, 3, ... within the job.
    pub sequence: i64,
    /// Resource version of the job or pod that showed the change.
    pub resource_version: String,
    /// The state before; `None` for the first.
    pub from: Option<JobState>,
    /// The state after.
    pub to: JobState,
    /// A CamelCase word that says why.
    pub reason: Option<String>,
    /// One sentence that says why.
    pub message: Option<String>,
    /// The attempt that the new state belongs to.
    pub attempt: i64,
    /// The exit code known at that moment, or learnt afterwards.
    pub exit_code: Option<i64>,
    /// When this logbook learnt it (our clock).
    pub observed_at: Timestamp,
    /// When it happened, by the object's own times where they say (whole seconds), else `observed_at`.
    pub effective_at: Timestamp,
    /// Which field `effective_at` is from, as `job.status.completionTime`; `observed` when no field says.
    pub effective_source: String,
    /// How it came to be known.
    pub provenance: Provenance,
    /// The gap that closed when it became known.
    pub gap_id: Option<i64>,
}

/// One recorded version of a job or of a pod of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Grows in the order of commits.
    pub id: i64,
    /// The job it belongs to, directly or through its pod; `None` while the job has not been seen.
    pub job_id: Option<i64>,
    /// The resource type, as `jobs.batch/v1` or `pods/v1`.
    pub resource: String,
    /// The object's uid.
    pub uid: String,
    /// The object's name.
    pub name: String,
    /// The resource version.
    pub resource_version: String,
    /// What happened.
    pub event: RevisionEvent,
    /// When this logbook saw it (our clock).
    pub observed_at: Timestamp,
    /// How it came to be known.
    pub provenance: Provenance,
    /// The document's size in bytes before compression; `None` if there is none.
    pub document_length: Option<i64>,
    /// The gap that closed when it became known.
    pub gap_id: Option<i64>,
}

/// An interval of a stream that nobody observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Grows in the order of commits.
    pub id: i64,
    /// The resource type, as `jobs.batch/v1`.
    pub resource: String,
    /// The last resource version observed before.
    pub from_version: String,
    /// The resource version of the list that closed the gap.
    pub to_version: String,
    /// When the stream was last known to be whole.
    pub from_at: Timestamp,
    /// When the gap closed.
    pub to_at: Timestamp,
    /// Why, as the journal says.
    pub cause: String,
    /// Known objects found at another version.
    pub changed: i64,
    /// Known objects found absent.
    pub vanished: i64,
    /// Objects found that were not known.
    pub new: i64,
}

/// How far one stream has been recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamPosition {
    /// The cluster's name.
    pub cluster: String,
    /// The resource type, as `jobs.batch/v1`.
    pub resource: String,
    /// The resource version up to which everything is recorded.
    pub resource_version: String,
    /// When that was committed.
    pub updated_at: Timestamp,
}
