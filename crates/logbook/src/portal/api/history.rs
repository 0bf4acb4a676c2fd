//! `/api/v1/jobs/{uid}/transitions`, `/revisions` and `/revisions/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::Problem;
use super::jobs::find;
use super::parameters::Parameters;
use crate::model::{Page, Revision, Transition};
use crate::portal::PortalState;

/// `GET /api/v1/jobs/{uid}/transitions?limit=&cursor=`, in order.
pub(crate) async fn transitions(
    State(state): State<PortalState>,
    Path(uid): Path<String>,
    parameters: Parameters,
) -> Result<Json<Page<Transition>>, Problem> {
    let job = find(state.store(), &uid).await?;
    let all = state.store().transitions(job.id).await?;
    page(all, &parameters, |transition| transition.id).map(Json)
}

/// `GET /api/v1/jobs/{uid}/revisions?limit=&cursor=`, in the order in which they were recorded.
pub(crate) async fn revisions(
    State(state): State<PortalState>,
    Path(uid): Path<String>,
    parameters: Parameters,
) -> Result<Json<Page<Revision>>, Problem> {
    let job = find(state.store(), &uid).await?;
    let all = state.store().revisions(job.id).await?;
    page(all, &parameters, |revision| revision.id).map(Json)
}

/// `GET /api/v1/jobs/{uid}/revisions/{id}`: the stored document itself.
pub(crate) async fn document(
    State(state): State<PortalState>,
    Path((uid, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id: i64 = id.parse().map_err(|_| Problem::NotFound)?;
    let job = find(state.store(), &uid).await?;
    let all = state.store().revisions(job.id).await?;
    if !all.iter().any(|revision| revision.id == id) {
        return Err(Problem::NotFound);
    }
    let text = state.store().revision_document(id).await?.ok_or(Problem::NotFound)?;
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The rows after the cursor, which is the id of the page's last row.
fn page<T>(all: Vec<T>, parameters: &Parameters, id: fn(&T) -> i64) -> Result<Page<T>, Problem> {
    let (after, limit) = (parameters.after()?, parameters.limit()? as usize);
    let mut items: Vec<T> = all.into_iter().filter(|row| id(row) > after).take(limit + 1).collect();
    let is_cut = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| is_cut).map(|last| id(last).to_string());
    Ok(Page { items, next })
}
