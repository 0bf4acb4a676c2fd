//! Writing pods.

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::error::Doing;
use crate::model::PodFacts;

const ACTION: &str = "record a pod";

/// What a Pod's object says, at one resource version.
#[derive(Clone, Debug)]
pub(crate) struct PodContent<'a> {
    pub(crate) cluster_id: i64,
    pub(crate) uid: &'a str,
    pub(crate) owner_uid: &'a str,
    pub(crate) job_id: Option<i64>,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) resource_version: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) facts: &'a PodFacts,
}

/// The uid of the job that a recorded pod belongs to.
pub(crate) async fn pod_owner(
    connection: &mut SqliteConnection,
    cluster_id: i64,
    uid: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT owner_uid FROM pod WHERE cluster_id = $1 AND uid = $2")
        .bind(cluster_id)
        .bind(uid)
        .fetch_optional(connection)
        .await
        .doing(ACTION)
}

/// Stores the newest version of a pod.
pub(crate) async fn put_pod(
    connection: &mut SqliteConnection,
    pod: &PodContent<'_>,
) -> Result<(), StoreError> {
    let (facts, cause, milliseconds) = (pod.facts, pod.facts.worst_cause(), Timestamp::as_millisecond);
    let text =
        serde_json::to_string(facts).map_err(|source| StoreError::Facts { direction: "to", source })?;
    sqlx::query(
        "INSERT INTO pod (cluster_id, uid, owner_uid, job_id, namespace, name, node, completion_index, phase, reason,
             message, exit_code, restarts, created_at, scheduled_at, started_at, ended_at, deleted_at,
             resource_version, facts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (cluster_id, uid) DO UPDATE SET
             job_id = coalesce(job_id, excluded.job_id), node = excluded.node, phase = excluded.phase,
             reason = excluded.reason, message = excluded.message, exit_code = excluded.exit_code,
             restarts = excluded.restarts, scheduled_at = coalesce(excluded.scheduled_at, scheduled_at),
             started_at = coalesce(started_at, excluded.started_at), ended_at = excluded.ended_at,
             deleted_at = excluded.deleted_at, resource_version = excluded.resource_version, facts = excluded.facts",
    )
    .bind(pod.cluster_id)
    .bind(pod.uid)
    .bind(pod.owner_uid)
    .bind(pod.job_id)
    .bind(pod.namespace)
    .bind(pod.name)
    .bind(&facts.node)
    .bind(facts.completion_index)
    .bind(&facts.phase)
    .bind(cause.reason)
    .bind(cause.message)
    .bind(facts.end().map(|end| end.exit_code))
    .bind(facts.restarts)
    .bind(pod.created_at.as_millisecond())
    .bind(facts.scheduled_at.map(milliseconds))
    .bind(facts.started_at().map(milliseconds))
    .bind(facts.ended_at().map(milliseconds))
    .bind(pod.deleted_at.map(milliseconds))
    .bind(pod.resource_version)
    .bind(text)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(())
}

pub(super) fn read_facts(text: &str) -> Result<PodFacts, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Facts { direction: "from", source })
}
