//! Reading what a journal needs to go on: its position, and the objects it left alive.

use jiff::Timestamp;
use pilothouse_machinery::ResourceType;
use sqlx::Row;

use super::error::Doing;
use super::{Store, StoreError, decode};

/// Which table holds the objects of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objects {
    Jobs,
    Pods,
}

/// An object that lives as far as the database knows.
#[derive(Clone, Debug)]
pub(crate) struct LiveObject {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
}

impl Store {
    /// The position of a stream, as its last commit left it.
    pub(crate) async fn position(
        &self,
        cluster_id: i64,
        resource: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar("SELECT resource_version FROM stream WHERE cluster_id = $1 AND resource = $2")
            .bind(cluster_id)
            .bind(resource)
            .fetch_optional(&mut *reader)
            .await
            .doing("read a stream's position")
    }

    /// When a stream's position was last committed.
    pub(crate) async fn position_time(
        &self,
        cluster_id: i64,
        resource: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        const ACTION: &str = "read a stream's position";
        let mut reader = self.read().await?;
        let time: Option<i64> =
            sqlx::query_scalar("SELECT updated_at FROM stream WHERE cluster_id = $1 AND resource = $2")
                .bind(cluster_id)
                .bind(resource)
                .fetch_optional(&mut *reader)
                .await
                .doing(ACTION)?;
        time.map(decode::moment).transpose().doing(ACTION)
    }

    /// The objects that live as far as the database knows.
    pub(crate) async fn live_objects(
        &self,
        cluster_id: i64,
        objects: Objects,
    ) -> Result<Vec<LiveObject>, StoreError> {
        const ACTION: &str = "read the live objects";
        let query = match objects {
            Objects::Jobs => {
                "SELECT namespace, name, uid, resource_version FROM job
                 WHERE cluster_id = $1 AND deleted_at IS NULL"
            }
            Objects::Pods => {
                "SELECT namespace, name, uid, resource_version FROM pod
                 WHERE cluster_id = $1 AND deleted_at IS NULL"
            }
        };
        let mut reader = self.read().await?;
        let rows = sqlx::query(query).bind(cluster_id).fetch_all(&mut *reader).await.doing(ACTION)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(LiveObject {
                namespace: row.try_get("namespace")?,
                name: row.try_get("name")?,
                uid: row.try_get("uid")?,
                resource_version: row.try_get("resource_version")?,
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().doing(ACTION)
    }

    /// How many pods that name this uid as their controller are known to have ended.
    pub(crate) async fn ended_pods(&self, cluster_id: i64, owner_uid: &str) -> Result<i64, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar(
            "SELECT count(*) FROM pod WHERE cluster_id = $1 AND owner_uid = $2
             AND (phase IN ('Succeeded', 'Failed') OR deleted_at IS NOT NULL)",
        )
        .bind(cluster_id)
        .bind(owner_uid)
        .fetch_one(&mut *reader)
        .await
        .doing("count a job's ended pods")
    }
}

impl Objects {
    /// The table of this type's objects; `None` for types the logbook does not record.
    pub(crate) fn of(resource: &ResourceType) -> Option<Self> {
        match (&*resource.group, &*resource.plural) {
            ("batch", "jobs") => Some(Self::Jobs),
            ("", "pods") => Some(Self::Pods),
            _ => None,
        }
    }
}
