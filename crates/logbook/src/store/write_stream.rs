//! Writing where a stream is, and what of it was not observed.

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::error::Doing;
use crate::model::{Cluster, Gap};

/// One stream of one cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamKey<'a> {
    pub(crate) cluster_id: i64,
    pub(crate) resource: &'a str,
}

/// The cluster's number, given at its first appearance, and its name: the one it has now, else the one it had.
pub(crate) async fn put_cluster(
    connection: &mut SqliteConnection,
    cluster: &Cluster,
    now: Timestamp,
) -> Result<(i64, String), StoreError> {
    sqlx::query_as(
        "INSERT INTO cluster (identity, name, added_at) VALUES ($1, coalesce($2, $3), $4)
         ON CONFLICT (identity) DO UPDATE SET name = coalesce($2, name) RETURNING id, name",
    )
    .bind(&cluster.identity)
    .bind(cluster.given_name())
    .bind(cluster.fallback_name())
    .bind(now.as_millisecond())
    .fetch_one(connection)
    .await
    .doing("register a cluster")
}

/// Moves the stream's position. One that stays, as while a list is under way, keeps its time: up to then the stream
/// was whole.
pub(crate) async fn put_position(
    connection: &mut SqliteConnection,
    stream: StreamKey<'_>,
    resource_version: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO stream (cluster_id, resource, resource_version, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (cluster_id, resource)
         DO UPDATE SET resource_version = excluded.resource_version, updated_at = excluded.updated_at
         WHERE resource_version <> excluded.resource_version",
    )
    .bind(stream.cluster_id)
    .bind(stream.resource)
    .bind(resource_version)
    .bind(now.as_millisecond())
    .execute(connection)
    .await
    .doing("move a stream's position")?;
    Ok(())
}

/// Records a gap and gives its number, and whether it is new; the gap's own `id` is not used.
pub(crate) async fn put_gap(
    connection: &mut SqliteConnection,
    stream: StreamKey<'_>,
    gap: &Gap,
) -> Result<(i64, bool), StoreError> {
    const ACTION: &str = "record a gap";
    let inserted = sqlx::query(
        "INSERT INTO watch_gap (cluster_id, resource, from_version, to_version, from_at, to_at, cause,
             changed, vanished, new)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (cluster_id, resource, from_version, to_version) DO NOTHING",
    )
    .bind(stream.cluster_id)
    .bind(stream.resource)
    .bind(&gap.from_version)
    .bind(&gap.to_version)
    .bind(gap.from_at.as_millisecond())
    .bind(gap.to_at.as_millisecond())
    .bind(&gap.cause)
    .bind(gap.changed)
    .bind(gap.vanished)
    .bind(gap.new)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    let id = sqlx::query_scalar(
        "SELECT id FROM watch_gap
         WHERE cluster_id = $1 AND resource = $2 AND from_version = $3 AND to_version = $4",
    )
    .bind(stream.cluster_id)
    .bind(stream.resource)
    .bind(&gap.from_version)
    .bind(&gap.to_version)
    .fetch_one(connection)
    .await
    .doing(ACTION)?;
    Ok((id, inserted.rows_affected() > 0))
}

/// Marks what belongs to a gap: the revisions and transitions that its list showed, also in earlier batches of that
/// list, and the jobs that it leaves partly unobserved. Counts what the list showed of what is recorded here: the
/// journal counts other objects too, and forgets what it counted before a restart.
pub(crate) async fn link_gap(
    connection: &mut SqliteConnection,
    stream: StreamKey<'_>,
    gap_id: i64,
) -> Result<(), StoreError> {
    const ACTION: &str = "mark what belongs to a gap";
    sqlx::query(
        "UPDATE revision SET gap_id = $1 WHERE cluster_id = $2 AND resource = $3
         AND gap_id IS NULL AND provenance IN ('list_after_gap', 'inferred_absence')",
    )
    .bind(gap_id)
    .bind(stream.cluster_id)
    .bind(stream.resource)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    sqlx::query(
        "UPDATE transition SET gap_id = $1
         WHERE gap_id IS NULL AND revision_id IN (SELECT id FROM revision WHERE gap_id = $1)",
    )
    .bind(gap_id)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    sqlx::query(
        "UPDATE watch_gap SET (changed, vanished, new) =
             (SELECT count(DISTINCT iif(event = 'modified', uid, NULL)),
                     count(DISTINCT iif(event = 'vanished', uid, NULL)),
                     count(DISTINCT iif(event = 'added', uid, NULL))
              FROM revision WHERE gap_id = $1)
         WHERE id = $1",
    )
    .bind(gap_id)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    // Two statements, each with an index of its own: ended jobs are many.
    sqlx::query(
        "UPDATE job SET coverage = 'gap' WHERE cluster_id = $1 AND coverage = 'full' AND ended_at IS NULL",
    )
    .bind(stream.cluster_id)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    sqlx::query(
        "UPDATE job SET coverage = 'gap'
         WHERE coverage = 'full' AND id IN (SELECT job_id FROM revision WHERE gap_id = $1)",
    )
    .bind(gap_id)
    .execute(connection)
    .await
    .doing(ACTION)?;
    Ok(())
}
