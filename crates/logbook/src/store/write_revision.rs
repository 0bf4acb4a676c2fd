//! Writing revisions and their documents.

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::error::Doing;
use super::write_stream::StreamKey;
use crate::model::{Provenance, RevisionEvent};

/// A document ready to be stored: JSON text, hashed and compressed.
#[derive(Clone, Debug)]
pub(crate) struct PackedDocument {
    pub(crate) sha256: [u8; 32],
    pub(crate) length: i64,
    pub(crate) bytes: Vec<u8>,
}

/// One version of one object, to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRevision<'a> {
    pub(crate) stream: StreamKey<'a>,
    pub(crate) uid: &'a str,
    pub(crate) name: &'a str,
    pub(crate) resource_version: &'a str,
    pub(crate) event: RevisionEvent,
    pub(crate) observed_at: Timestamp,
    pub(crate) provenance: Provenance,
    pub(crate) job_id: Option<i64>,
    pub(crate) document: Option<&'a PackedDocument>,
}

impl RevisionEvent {
    /// What tells revisions of one uid and resource version apart: a version is a state or an end, whichever way it
    /// came in.
    fn class(self) -> &'static str {
        match self {
            Self::Added | Self::Modified => "state",
            Self::Deleted => "delete",
            Self::Vanished => "absence",
        }
    }
}

/// Stores a revision and gives its number; `None` if it is there already (invariant J2).
pub(crate) async fn put_revision(
    connection: &mut SqliteConnection,
    revision: &NewRevision<'_>,
) -> Result<Option<i64>, StoreError> {
    let document_id = match revision.document {
        Some(document) => Some(put_document(connection, document).await?),
        None => None,
    };
    let inserted = sqlx::query(
        "INSERT INTO revision (cluster_id, resource, uid, name, resource_version, event_class, event, observed_at,
             provenance, job_id, document_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (cluster_id, uid, resource_version, event_class) DO NOTHING",
    )
    .bind(revision.stream.cluster_id)
    .bind(revision.stream.resource)
    .bind(revision.uid)
    .bind(revision.name)
    .bind(revision.resource_version)
    .bind(revision.event.class())
    .bind(revision.event.as_str())
    .bind(revision.observed_at.as_millisecond())
    .bind(revision.provenance.as_str())
    .bind(revision.job_id)
    .bind(document_id)
    .execute(connection)
    .await
    .doing("store a revision")?;
    Ok((inserted.rows_affected() > 0).then(|| inserted.last_insert_rowid()))
}

async fn put_document(
    connection: &mut SqliteConnection,
    document: &PackedDocument,
) -> Result<i64, StoreError> {
    const ACTION: &str = "store a document";
    let inserted = sqlx::query(
        "INSERT INTO document (sha256, encoding, length, bytes) VALUES ($1, 'zstd', $2, $3)
         ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(&document.sha256[..])
    .bind(document.length)
    .bind(&document.bytes[..])
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    if inserted.rows_affected() > 0 {
        return Ok(inserted.last_insert_rowid());
    }
    sqlx::query_scalar("SELECT id FROM document WHERE sha256 = $1")
        .bind(&document.sha256[..])
        .fetch_one(connection)
        .await
        .doing(ACTION)
}

/// Attaches a revision to the job that appeared with it, and the job's earlier pods with their revisions.
pub(crate) async fn adopt(
    connection: &mut SqliteConnection,
    cluster_id: i64,
    job_id: i64,
    job_uid: &str,
    revision_id: i64,
) -> Result<(), StoreError> {
    const ACTION: &str = "attach revisions to their job";
    sqlx::query("UPDATE revision SET job_id = $1 WHERE id = $2")
        .bind(job_id)
        .bind(revision_id)
        .execute(&mut *connection)
        .await
        .doing(ACTION)?;
    let pods = sqlx::query("UPDATE pod SET job_id = $1 WHERE cluster_id = $2 AND owner_uid = $3")
        .bind(job_id)
        .bind(cluster_id)
        .bind(job_uid)
        .execute(&mut *connection)
        .await
        .doing(ACTION)?;
    if pods.rows_affected() > 0 {
        sqlx::query(
            "UPDATE revision SET job_id = $1
             WHERE cluster_id = $2 AND uid IN (SELECT uid FROM pod WHERE job_id = $1)",
        )
        .bind(job_id)
        .bind(cluster_id)
        .execute(connection)
        .await
        .doing(ACTION)?;
    }
    Ok(())
}
