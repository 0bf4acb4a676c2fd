//! Writing jobs and their transitions.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::Doing;
use super::{StoreError, decode};
use crate::model::{Cause, Coverage, JobFacts, Provenance, Standing, Step};

const ACTION: &str = "record a job";

/// What recording needs to know of a job that is in the database.
#[derive(Clone, Debug)]
pub(crate) struct StoredJob {
    pub(crate) id: i64,
    pub(crate) uid: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) resource_version: String,
    pub(crate) standing: Standing,
    pub(crate) cause: Cause,
    pub(crate) exit_code: Option<i64>,
    pub(crate) last_sequence: i64,
    pub(crate) facts: JobFacts,
}

impl StoredJob {
    /// What is in the database once a job and its position are inserted.
    pub(crate) fn inserted(id: i64, uid: &str, content: &JobContent, position: &JobPosition) -> Self {
        let mut job = Self {
            id,
            uid: uid.to_owned(),
            namespace: content.namespace.clone(),
            name: content.name.clone(),
            kind: content.kind.clone(),
            resource_version: content.resource_version.clone(),
            standing: position.standing,
            cause: Cause::default(),
            exit_code: None,
            last_sequence: 0,
            facts: content.facts.clone(),
        };
        job.moved(position);
        job
    }

    /// Takes in a position that was stored.
    pub(crate) fn moved(&mut self, position: &JobPosition) {
        self.standing = position.standing;
        self.cause = Cause { reason: position.reason.clone(), message: position.message.clone() };
        self.exit_code = position.exit_code;
        self.last_sequence = position.last_sequence;
    }
}

/// What a Job's object says, at one resource version.
#[derive(Clone, Debug)]
pub(crate) struct JobContent {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) resource_version: String,
    pub(crate) owner_kind: Option<String>,
    pub(crate) owner_name: Option<String>,
    pub(crate) submitter: Option<String>,
    /// What the annotation says about how it was submitted.
    pub(crate) channel: Option<String>,
    /// Who wrote the object first. Stands in for a channel only while none is known: later versions may name
    /// somebody else.
    pub(crate) manager: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) facts: JobFacts,
}

/// Where a job is.
#[derive(Clone, Debug)]
pub(crate) struct JobPosition {
    pub(crate) standing: Standing,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) exit_code: Option<i64>,
    /// When it first ran, if this is new; an earlier value stays.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended, if this is new.
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) last_sequence: i64,
}

/// A transition to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewTransition<'a> {
    pub(crate) job_id: i64,
    pub(crate) sequence: i64,
    pub(crate) revision_id: i64,
    pub(crate) resource_version: &'a str,
    pub(crate) step: &'a Step,
    pub(crate) observed_at: Timestamp,
    pub(crate) effective_at: Timestamp,
    pub(crate) effective_source: &'a str,
    pub(crate) provenance: Provenance,
    pub(crate) gap_id: Option<i64>,
}

/// Reads a job for recording.
pub(super) async fn stored_job(
    connection: &mut SqliteConnection,
    cluster_id: i64,
    uid: &str,
) -> Result<Option<StoredJob>, StoreError> {
    let row = sqlx::query(
        "SELECT id, uid, namespace, name, kind, resource_version, state, attempt, state_since, exit_code, reason,
             message, last_sequence, facts FROM job WHERE cluster_id = $1 AND uid = $2",
    )
    .bind(cluster_id)
    .bind(uid)
    .fetch_optional(connection)
    .await
    .doing(ACTION)?;
    row.map(|row| read_stored(&row)).transpose()
}

fn read_stored(row: &SqliteRow) -> Result<StoredJob, StoreError> {
    let since = decode::moment(row.try_get("state_since").doing(ACTION)?).doing(ACTION)?;
    let state = decode::words(row.try_get("state").doing(ACTION)?).doing(ACTION)?;
    let attempt = row.try_get("attempt").doing(ACTION)?;
    let facts: &str = row.try_get("facts").doing(ACTION)?;
    Ok(StoredJob {
        id: row.try_get("id").doing(ACTION)?,
        uid: row.try_get("uid").doing(ACTION)?,
        namespace: row.try_get("namespace").doing(ACTION)?,
        name: row.try_get("name").doing(ACTION)?,
        kind: row.try_get("kind").doing(ACTION)?,
        resource_version: row.try_get("resource_version").doing(ACTION)?,
        standing: Standing { state, attempt, since },
        cause: Cause {
            reason: row.try_get("reason").doing(ACTION)?,
            message: row.try_get("message").doing(ACTION)?,
        },
        exit_code: row.try_get("exit_code").doing(ACTION)?,
        last_sequence: row.try_get("last_sequence").doing(ACTION)?,
        facts: serde_json::from_str(facts)
            .map_err(|source| StoreError::Facts { direction: "from", source })?,
    })
}

fn facts_text(facts: &JobFacts) -> Result<String, StoreError> {
    serde_json::to_string(facts).map_err(|source| StoreError::Facts { direction: "to", source })
}

/// Stores a job that was not known and gives its number.
pub(crate) async fn insert_job(
    connection: &mut SqliteConnection,
    cluster_id: i64,
    uid: &str,
    content: &JobContent,
    position: &JobPosition,
    coverage: Coverage,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO job (cluster_id, uid, kind, namespace, name, owner_kind, owner_name, submitter, channel,
             resource_version, created_at, coverage, parallelism, completions, active, ready, succeeded, failed, facts,
             state, attempt, state_since, reason, message, exit_code, started_at, ended_at, last_sequence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
             $22, $23, $24, $25, $26, $27, $28)",
    )
    .bind(cluster_id)
    .bind(uid)
    .bind(&content.kind)
    .bind(&content.namespace)
    .bind(&content.name)
    .bind(&content.owner_kind)
    .bind(&content.owner_name)
    .bind(&content.submitter)
    .bind(content.channel.as_ref().or(content.manager.as_ref()))
    .bind(&content.resource_version)
    .bind(content.created_at.as_millisecond())
    .bind(coverage.as_str())
    .bind(content.facts.parallelism)
    .bind(content.facts.completions)
    .bind(content.facts.active)
    .bind(content.facts.ready)
    .bind(content.facts.succeeded)
    .bind(content.facts.failed)
    .bind(facts_text(&content.facts)?)
    .bind(position.standing.state.as_str())
    .bind(position.standing.attempt)
    .bind(position.standing.since.as_millisecond())
    .bind(&position.reason)
    .bind(&position.message)
    .bind(position.exit_code)
    .bind(position.started_at.map(Timestamp::as_millisecond))
    .bind(position.ended_at.map(Timestamp::as_millisecond))
    .bind(position.last_sequence)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(inserted.last_insert_rowid())
}

/// Stores what a newer version of a known job says.
pub(crate) async fn update_content(
    connection: &mut SqliteConnection,
    job_id: i64,
    content: &JobContent,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job SET owner_kind = $2, owner_name = $3, submitter = coalesce($4, submitter),
             channel = coalesce($5, channel, $14), resource_version = $6, parallelism = $7, completions = $8,
             active = $9, ready = $10, succeeded = $11, failed = $12, facts = $13, deleted_at = NULL
         WHERE id = $1",
    )
    .bind(job_id)
    .bind(&content.owner_kind)
    .bind(&content.owner_name)
    .bind(&content.submitter)
    .bind(&content.channel)
    .bind(&content.resource_version)
    .bind(content.facts.parallelism)
    .bind(content.facts.completions)
    .bind(content.facts.active)
    .bind(content.facts.ready)
    .bind(content.facts.succeeded)
    .bind(content.facts.failed)
    .bind(facts_text(&content.facts)?)
    .bind(&content.manager)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(())
}

/// Marks a job's object as gone.
pub(crate) async fn mark_deleted(
    connection: &mut SqliteConnection,
    job_id: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET deleted_at = $2 WHERE id = $1")
        .bind(job_id)
        .bind(at.as_millisecond())
        .execute(connection)
        .await
        .doing(ACTION)?;
    Ok(())
}

/// Stores where a job is now.
pub(crate) async fn update_position(
    connection: &mut SqliteConnection,
    job_id: i64,
    position: &JobPosition,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE job SET state = $2, attempt = $3, state_since = $4, reason = $5, message = $6, exit_code = $7,
             started_at = coalesce(started_at, $8), ended_at = coalesce(ended_at, $9), last_sequence = $10
         WHERE id = $1",
    )
    .bind(job_id)
    .bind(position.standing.state.as_str())
    .bind(position.standing.attempt)
    .bind(position.standing.since.as_millisecond())
    .bind(&position.reason)
    .bind(&position.message)
    .bind(position.exit_code)
    .bind(position.started_at.map(Timestamp::as_millisecond))
    .bind(position.ended_at.map(Timestamp::as_millisecond))
    .bind(position.last_sequence)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(())
}

/// Stores why a job is where it is, when only that changed.
pub(crate) async fn update_cause(
    connection: &mut SqliteConnection,
    job_id: i64,
    cause: &Cause,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET reason = $2, message = $3 WHERE id = $1")
        .bind(job_id)
        .bind(&cause.reason)
        .bind(&cause.message)
        .execute(connection)
        .await
        .doing(ACTION)?;
    Ok(())
}

/// Adds an exit code that became known after the job ended, to the job and to its last transition.
pub(crate) async fn add_exit_code(
    connection: &mut SqliteConnection,
    job_id: i64,
    exit_code: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET exit_code = $2 WHERE id = $1 AND exit_code IS NULL")
        .bind(job_id)
        .bind(exit_code)
        .execute(&mut *connection)
        .await
        .doing(ACTION)?;
    sqlx::query(
        "UPDATE transition SET exit_code = $2 WHERE job_id = $1 AND exit_code IS NULL
         AND sequence = (SELECT last_sequence FROM job WHERE id = $1)",
    )
    .bind(job_id)
    .bind(exit_code)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(())
}

/// Stores a transition and gives its number.
pub(crate) async fn insert_transition(
    connection: &mut SqliteConnection,
    transition: &NewTransition<'_>,
) -> Result<i64, StoreError> {
    let step = transition.step;
    let inserted = sqlx::query(
        "INSERT INTO transition (job_id, sequence, revision_id, resource_version, from_state, to_state, reason,
             message, attempt, exit_code, observed_at, effective_at, effective_source, provenance, gap_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(transition.job_id)
    .bind(transition.sequence)
    .bind(transition.revision_id)
    .bind(transition.resource_version)
    .bind(step.from.map(crate::model::JobState::as_str))
    .bind(step.to.as_str())
    .bind(&step.cause.reason)
    .bind(&step.cause.message)
    .bind(step.attempt)
    .bind(step.exit_code)
    .bind(transition.observed_at.as_millisecond())
    .bind(transition.effective_at.as_millisecond())
    .bind(transition.effective_source)
    .bind(transition.provenance.as_str())
    .bind(transition.gap_id)
    .execute(connection)
    .await
    .doing("record a transition")?;
    Ok(inserted.last_insert_rowid())
}
