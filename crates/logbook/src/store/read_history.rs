//! Reading what happened: transitions, revisions, pods, notifications, gaps, positions.

use sqlx::Row;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};

use super::error::Doing;
use super::{Store, StoreError, decode};
use crate::model::{DeliveryRow, Gap, NotificationRow, PodRow, Revision, StreamPosition, Transition};

impl Store {
    /// A job's transitions, in order.
    pub async fn transitions(&self, job_id: i64) -> Result<Vec<Transition>, StoreError> {
        let query = sqlx::query("SELECT * FROM transition WHERE job_id = $1 ORDER BY sequence").bind(job_id);
        self.rows("read transitions", query, decode::transition).await
    }

    /// Up to `limit` transitions of all jobs with an id above `transition_id`, in the order of commits.
    pub async fn transitions_after(
        &self,
        transition_id: i64,
        limit: u32,
    ) -> Result<Vec<Transition>, StoreError> {
        let query = sqlx::query("SELECT * FROM transition WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(transition_id)
            .bind(limit);
        self.rows("read transitions", query, decode::transition).await
    }

    /// The newest transition's id; 0 when there is none.
    pub async fn latest_transition_id(&self) -> Result<i64, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM transition")
            .fetch_one(&mut *reader)
            .await
            .doing("read the newest transition")
    }

    /// The revisions of a job and of its pods, in the order in which they were recorded.
    pub async fn revisions(&self, job_id: i64) -> Result<Vec<Revision>, StoreError> {
        let query = sqlx::query(
            "SELECT revision.*, document.length FROM revision
             LEFT JOIN document ON document.id = revision.document_id
             WHERE revision.job_id = $1 ORDER BY revision.id",
        )
        .bind(job_id);
        self.rows("read revisions", query, decode::revision).await
    }

    /// The object at one revision as JSON text, without `managedFields`; `None` if there is no such revision or
    /// it has no document.
    pub async fn revision_document(&self, revision_id: i64) -> Result<Option<String>, StoreError> {
        const ACTION: &str = "read a document";
        let mut reader = self.read().await?;
        let row = sqlx::query(
            "SELECT document.bytes, document.length FROM revision
             JOIN document ON document.id = revision.document_id WHERE revision.id = $1",
        )
        .bind(revision_id)
        .fetch_optional(&mut *reader)
        .await
        .doing(ACTION)?;
        drop(reader);
        let Some(row) = row else { return Ok(None) };
        let length: i64 = row.try_get("length").doing(ACTION)?;
        let capacity = usize::try_from(length).unwrap_or(0);
        let text = zstd::bulk::decompress(row.try_get("bytes").doing(ACTION)?, capacity)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
            .map_err(|source| StoreError::Document { action: "decompress", source })?;
        Ok(Some(text))
    }

    /// A job's pods, oldest first.
    pub async fn pods(&self, job_id: i64) -> Result<Vec<PodRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM pod WHERE job_id = $1 ORDER BY created_at, id").bind(job_id);
        self.rows("read pods", query, decode::pod).await
    }

    /// The notifications of a job's transitions, oldest first.
    pub async fn notifications(&self, job_id: i64) -> Result<Vec<NotificationRow>, StoreError> {
        let query = sqlx::query(
            "SELECT outbox.*, destination.name AS destination, destination.kind FROM outbox
             JOIN destination ON destination.id = outbox.destination_id
             WHERE outbox.job_id = $1 ORDER BY outbox.id",
        )
        .bind(job_id);
        self.rows("read notifications", query, decode::notification).await
    }

    /// The tries to deliver one notification, in order.
    pub async fn deliveries(&self, notification_id: i64) -> Result<Vec<DeliveryRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM delivery WHERE outbox_id = $1 ORDER BY attempt, id")
            .bind(notification_id);
        self.rows("read deliveries", query, decode::delivery).await
    }

    /// The newest `limit` gaps, newest first.
    pub async fn gaps(&self, limit: u32) -> Result<Vec<Gap>, StoreError> {
        let query = sqlx::query("SELECT * FROM watch_gap ORDER BY id DESC LIMIT $1").bind(limit);
        self.rows("read gaps", query, decode::gap).await
    }

    /// How far each stream is recorded.
    pub async fn streams(&self) -> Result<Vec<StreamPosition>, StoreError> {
        let query = sqlx::query(
            "SELECT stream.*, cluster.name AS cluster FROM stream
             JOIN cluster ON cluster.id = stream.cluster_id ORDER BY cluster.name, cluster.id, stream.resource",
        );
        self.rows("read stream positions", query, decode::stream).await
    }

    async fn rows<T>(
        &self,
        action: &'static str,
        query: Query<'_, Sqlite, SqliteArguments>,
        decode: fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let mut reader = self.read().await?;
        let rows = query.fetch_all(&mut *reader).await.doing(action)?;
        rows.iter().map(decode).collect::<Result<_, _>>().doing(action)
    }
}
