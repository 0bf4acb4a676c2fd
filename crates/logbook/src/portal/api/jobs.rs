//! `/api/v1/jobs` and `/api/v1/jobs/{uid}`.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::Problem;
use super::parameters::Parameters;
use crate::model::{JobFilter, JobRow, Page};
use crate::portal::PortalState;
use crate::store::Store;

/// `GET /api/v1/jobs?state=&namespace=&name=&limit=&cursor=`, newest first.
pub(crate) async fn jobs(
    State(state): State<PortalState>,
    parameters: Parameters,
) -> Result<Json<Page<JobRow>>, Problem> {
    let filter = JobFilter {
        states: parameters.states()?,
        namespace: parameters.get("namespace").map(str::to_owned),
        name: parameters.get("name").map(str::to_owned),
        limit: parameters.limit()?,
    };
    Ok(Json(state.store().list_jobs(&filter, parameters.get("cursor")).await?))
}

/// `GET /api/v1/jobs/{uid}`: the job, its pods and its notifications.
pub(crate) async fn job(
    State(state): State<PortalState>,
    Path(uid): Path<String>,
) -> Result<Json<Value>, Problem> {
    let job = find(state.store(), &uid).await?;
    let pods = state.store().pods(job.id).await?;
    let notifications = state.store().notifications(job.id).await?;
    Ok(Json(json!({ "job": job, "pods": pods, "notifications": notifications })))
}

pub(super) async fn find(store: &Store, uid: &str) -> Result<JobRow, Problem> {
    store.job_by_uid(uid).await?.ok_or(Problem::NotFound)
}
