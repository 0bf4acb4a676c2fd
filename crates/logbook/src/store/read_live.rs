//! Reading what changed since a reader last looked, for live updates.

use sqlx::Row;

use super::error::Doing;
use super::read_jobs::select;
use super::{Store, StoreError, decode};
use crate::model::{JobRow, StateGroup};

/// The jobs that some revisions belong to; see [`Store::jobs_touched_after`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The jobs' row numbers, in the order of their last revision.
    pub jobs: Vec<i64>,
    /// The last revision that was looked at: where to go on.
    pub revision: i64,
    /// Whether there is more right after it.
    pub is_cut: bool,
}

impl Store {
    /// The jobs that were recorded anew, directly or through a pod, by up to `limit` revisions above `revision`.
    pub async fn jobs_touched_after(&self, revision: i64, limit: u32) -> Result<Touched, StoreError> {
        const ACTION: &str = "read the jobs that changed";
        let mut reader = self.read().await?;
        let rows = sqlx::query(
            "SELECT job_id, max(id) AS last, count(*) AS seen FROM
                 (SELECT id, job_id FROM revision WHERE id > $1 AND job_id IS NOT NULL ORDER BY id LIMIT $2)
             GROUP BY job_id ORDER BY last",
        )
        .bind(revision)
        .bind(limit)
        .fetch_all(&mut *reader)
        .await
        .doing(ACTION)?;
        let mut touched = Touched { revision, ..Touched::default() };
        let mut seen: i64 = 0;
        for row in &rows {
            touched.jobs.push(row.try_get("job_id").doing(ACTION)?);
            touched.revision = row.try_get("last").doing(ACTION)?;
            seen += row.try_get::<i64, _>("seen").doing(ACTION)?;
        }
        touched.is_cut = seen >= i64::from(limit);
        Ok(touched)
    }

    /// The newest revision's id; 0 when there is none.
    pub async fn latest_revision_id(&self) -> Result<i64, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM revision")
            .fetch_one(&mut *reader)
            .await
            .doing("read the newest revision")
    }

    /// The revision that showed a transition; `None` if there is no such transition (any more).
    pub async fn revision_of_transition(&self, transition_id: i64) -> Result<Option<i64>, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar("SELECT revision_id FROM transition WHERE id = $1")
            .bind(transition_id)
            .fetch_optional(&mut *reader)
            .await
            .doing("read a transition")
    }

    /// The job that has been waiting longest since its creation, of one namespace or of all.
    pub async fn oldest_waiting(&self, namespace: Option<&str>) -> Result<Option<JobRow>, StoreError> {
        const ACTION: &str = "read the oldest waiting job";
        let mut query = select();
        let mut states = query.push(" WHERE job.state IN (").separated(", ");
        for state in StateGroup::Waiting.states() {
            states.push_bind(state.as_str());
        }
        query.push(")");
        if let Some(namespace) = namespace {
            query.push(" AND job.namespace = ").push_bind(namespace.to_owned());
        }
        query.push(" ORDER BY job.created_at, job.id LIMIT 1");
        let mut reader = self.read().await?;
        let row = query.build().fetch_optional(&mut *reader).await.doing(ACTION)?;
        row.as_ref().map(decode::job).transpose().doing(ACTION)
    }
}
