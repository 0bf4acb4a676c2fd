//! Which address is answered by what.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;

use super::pages::{Trouble, answer};
use super::{PortalState, RequestContext, api, assets, guard, live, pages};
use crate::submit;

/// The largest form taken: annotations may have 256 KiB, and encoding triples some.
const FORM_BYTES: usize = 1 << 20;

/// The portal and the API as one router; serve it under the root path.
pub fn router(state: PortalState) -> Router {
    let pages = Router::new()
        .route("/", get(list))
        .route("/jobs/{uid}", get(job))
        .route("/jobs/{uid}/revisions/{id}", get(document))
        .route("/jobs/{uid}/revisions/{id}/difference", get(difference))
        .route("/jobs/{uid}/delete", post(submit::delete))
        .route("/jobs/{uid}/suspend", post(submit::suspend))
        .route("/jobs/{uid}/resume", post(submit::resume))
        .route("/submit", get(submit::submit_page).post(submit::submit))
        .route("/events", get(events))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn(guard::session));
    let api = Router::new()
        .route("/jobs", get(api::jobs))
        .route("/jobs/{uid}", get(api::job))
        .route("/jobs/{uid}/transitions", get(api::transitions))
        .route("/jobs/{uid}/revisions", get(api::revisions))
        .route("/jobs/{uid}/revisions/{id}", get(api::document))
        .route("/events", get(api::events))
        .fallback(api::no_such_address);
    Router::new()
        .route("/assets/{file}", get(assets::serve))
        .route("/healthz", get(healthz))
        .nest("/api/v1", api)
        .merge(pages)
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

async fn list(State(state): State<PortalState>, context: RequestContext) -> Response {
    answer(&context, pages::list(&context, state.store()).await)
}

async fn job(State(state): State<PortalState>, context: RequestContext, Path(uid): Path<String>) -> Response {
    answer(&context, pages::job(&context, state.store(), &uid).await)
}

async fn document(
    State(state): State<PortalState>,
    context: RequestContext,
    Path((uid, id)): Path<(String, String)>,
) -> Response {
    answer(&context, pages::document(&context, state.store(), &uid, &id).await)
}

async fn difference(
    State(state): State<PortalState>,
    context: RequestContext,
    Path((uid, id)): Path<(String, String)>,
) -> Response {
    answer(&context, pages::difference(&context, state.store(), &uid, &id).await)
}

/// The live updates of the list, or with `job=` of one job's page.
async fn events(
    State(state): State<PortalState>,
    context: RequestContext,
    headers: HeaderMap,
) -> http::Response<Body> {
    let uid = context.parameter("job").to_owned();
    if uid.is_empty() {
        live::stream(&state, |feed| live::list_events(state.clone(), context, headers, feed))
    } else {
        live::stream(&state, |feed| live::job_events(state.clone(), context, headers, uid, feed))
    }
}

async fn nothing(context: RequestContext) -> Response {
    answer(&context, Err(Trouble::NotFound))
}

/// Healthy is who can read the database.
async fn healthz(State(state): State<PortalState>) -> (http::StatusCode, &'static str) {
    match state.store().latest_transition_id().await {
        Ok(_) => (http::StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(reason = error.reason(), error = &error as &dyn std::error::Error, "not healthy");
            (http::StatusCode::SERVICE_UNAVAILABLE, "cannot read the database\n")
        }
    }
}
