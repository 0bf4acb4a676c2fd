//! Reading jobs: the list, the counts, one job.

use indexmap::IndexMap;
use sqlx::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row};

use super::cursor::Cursor;
use super::error::Doing;
use super::{Store, StoreError, decode};
use crate::model::{JobFilter, JobRow, JobState, Page};

const DEFAULT_LIMIT: u32 = 50;
const MAXIMUM_LIMIT: u32 = 500;

impl Store {
    /// One page of the jobs that match, newest first; `cursor` is the previous page's [`Page::next`].
    ///
    /// A job created between two pages shows on no later page, and no job shows twice.
    pub async fn list_jobs(
        &self,
        filter: &JobFilter,
        cursor: Option<&str>,
    ) -> Result<Page<JobRow>, StoreError> {
        let after = cursor.map(Cursor::parse).transpose()?;
        let limit = match filter.limit {
            0 => DEFAULT_LIMIT,
            limit => limit.min(MAXIMUM_LIMIT),
        };
        let mut query = list_query(filter, after, limit);
        let mut reader = self.read().await?;
        let rows = query.build().fetch_all(&mut *reader).await.doing("list jobs")?;
        drop(reader);
        let wanted = limit as usize;
        let items =
            rows.iter().take(wanted).map(decode::job).collect::<Result<Vec<_>, _>>().doing("list jobs")?;
        let next = match items.last() {
            Some(last) if rows.len() > wanted => {
                Some(Cursor { created_at: last.created_at.as_millisecond(), id: last.id }.print())
            }
            _ => None,
        };
        Ok(Page { items, next })
    }

    /// How many jobs are in each state, of one namespace or of all; every state is present.
    pub async fn counts_by_state(
        &self,
        namespace: Option<&str>,
    ) -> Result<IndexMap<JobState, u64>, StoreError> {
        const ACTION: &str = "count jobs";
        let mut reader = self.read().await?;
        let rows = sqlx::query(
            "SELECT state, sum(jobs) AS jobs FROM job_count WHERE $1 IS NULL OR namespace = $1 GROUP BY state",
        )
        .bind(namespace)
        .fetch_all(&mut *reader)
        .await
        .doing(ACTION)?;
        let mut counts: IndexMap<_, _> = JobState::ALL.iter().map(|state| (*state, 0)).collect();
        for row in rows {
            let state: JobState = decode::words(row.try_get("state").doing(ACTION)?).doing(ACTION)?;
            let jobs: i64 = row.try_get("jobs").doing(ACTION)?;
            counts.insert(state, u64::try_from(jobs).unwrap_or(0));
        }
        Ok(counts)
    }

    /// The namespaces that have or had jobs, in order.
    pub async fn namespaces(&self) -> Result<Vec<String>, StoreError> {
        let mut reader = self.read().await?;
        sqlx::query_scalar("SELECT DISTINCT namespace FROM job_count ORDER BY namespace")
            .fetch_all(&mut *reader)
            .await
            .doing("list namespaces")
    }

    /// The job of this uid; of several clusters the one seen last.
    pub async fn job_by_uid(&self, uid: &str) -> Result<Option<JobRow>, StoreError> {
        let mut query = select();
        query.push(" WHERE job.uid = ").push_bind(uid.to_owned()).push(" ORDER BY job.id DESC LIMIT 1");
        self.one_job(query).await
    }

    /// The job of this row number.
    pub async fn job_by_id(&self, id: i64) -> Result<Option<JobRow>, StoreError> {
        let mut query = select();
        query.push(" WHERE job.id = ").push_bind(id);
        self.one_job(query).await
    }

    async fn one_job(&self, mut query: QueryBuilder<Sqlite>) -> Result<Option<JobRow>, StoreError> {
        const ACTION: &str = "read a job";
        let mut reader = self.read().await?;
        let row = query.build().fetch_optional(&mut *reader).await.doing(ACTION)?;
        row.as_ref().map(decode::job).transpose().doing(ACTION)
    }
}

pub(super) fn select() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(
        "SELECT job.*, cluster.name AS cluster FROM job JOIN cluster ON cluster.id = job.cluster_id",
    )
}

fn list_query(filter: &JobFilter, after: Option<Cursor>, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = select();
    query.push(" WHERE TRUE");
    if !filter.states.is_empty() {
        let mut states = query.push(" AND job.state IN (").separated(", ");
        for state in &filter.states {
            states.push_bind(state.as_str());
        }
        query.push(")");
    }
    if let Some(namespace) = &filter.namespace {
        query.push(" AND job.namespace = ").push_bind(namespace.clone());
    }
    if let Some(name) = &filter.name {
        query.push(" AND instr(job.name, ").push_bind(name.to_ascii_lowercase()).push(") > 0");
    }
    if let Some(after) = after {
        query
            .push(" AND (job.created_at, job.id) < (")
            .push_bind(after.created_at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    query.push(" ORDER BY job.created_at DESC, job.id DESC LIMIT ").push_bind(i64::from(limit) + 1);
    query
}
