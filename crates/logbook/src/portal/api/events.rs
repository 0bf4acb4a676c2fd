//! `/api/v1/events`.

use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response};

use super::parameters::Parameters;
use crate::portal::PortalState;
use crate::portal::live::{stream, transition_events};

/// `GET /api/v1/events?after=&job=`: every transition as a server-sent event whose id is the transition's and whose
/// data is `{"job": {...}, "transition": {...}}`. Resume with `Last-Event-ID` or `after`; without either the stream
/// begins now. An event `reset` says that the id is out of reach.
pub(crate) async fn events(
    State(state): State<PortalState>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Response<Body> {
    let after = parameters.get("after").unwrap_or_default().to_owned();
    let job = parameters.get("job").map(str::to_owned);
    stream(&state, |feed| transition_events(state.clone(), headers, after, job, feed))
}
