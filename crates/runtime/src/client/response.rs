//! Reading answers.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use pilothouse_machinery::{Status, StatusReason};
use serde::de::DeserializeOwned;

use super::ClientError;
use super::retry::retry_after;
use crate::unreadable::Unreadable;

/// No answer that is read whole may be larger, in bytes. (Lists are read item by item.)
const LARGEST_ANSWER: usize = 64 << 20;
/// No more of an error's body is kept as its message.
const LONGEST_MESSAGE: usize = 2048;

/// Whether the answer is not an error.
pub(crate) fn is_success(response: &Response<Body>) -> bool {
    response.status().is_success()
}

/// The whole body.
async fn collect(action: &str, body: Body) -> Result<Bytes, ClientError> {
    let collected = Limited::new(body, LARGEST_ANSWER).collect().await;
    let collected =
        collected.map_err(|source| ClientError::Transport { action: action.to_owned(), source })?;
    Ok(collected.to_bytes())
}

/// The body of a successful answer; the error that the server sent otherwise.
pub(super) async fn read(action: &str, response: Response<Body>) -> Result<Bytes, ClientError> {
    if is_success(&response) {
        return collect(action, response.into_body()).await;
    }
    let status = Box::new(failure_of(response).await);
    Err(ClientError::Status { action: action.to_owned(), status })
}

/// The body as JSON of a type.
pub(super) fn decode<T: DeserializeOwned>(action: &str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body)
        .map_err(Unreadable::from)
        .map_err(|source| ClientError::Decode { action: action.to_owned(), source: Box::new(source) })
}

/// The `Status` of an error answer, written compactly, over several lines or not at all (conformance N4).
///
/// What the body leaves out follows from the HTTP status code and the `Retry-After` header.
pub(crate) async fn failure_of(response: Response<Body>) -> Status {
    let (code, wait) = (response.status(), retry_after(response.headers()));
    let body = collect("read an error", response.into_body()).await.unwrap_or_default();
    let parsed = serde_json::from_slice::<Status>(&body).ok().filter(|status| status.kind == "Status");
    let mut status = parsed.unwrap_or_else(|| {
        let text: String = String::from_utf8_lossy(&body).trim().chars().take(LONGEST_MESSAGE).collect();
        let text = if text.is_empty() { code.to_string() } else { text };
        Status::failure(reason_for(code), text)
    });
    status.code = code.as_u16();
    if let Some(wait) = wait {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        status.details.get_or_insert_default().retry_after_seconds.get_or_insert(seconds);
    }
    status
}

fn reason_for(code: StatusCode) -> StatusReason {
    match code.as_u16() {
        400 => StatusReason::BadRequest,
        401 => StatusReason::Unauthorized,
        403 => StatusReason::Forbidden,
        404 => StatusReason::NotFound,
        405 => StatusReason::MethodNotAllowed,
        406 => StatusReason::NotAcceptable,
        409 => StatusReason::Conflict,
        410 => StatusReason::Gone,
        413 => StatusReason::RequestEntityTooLarge,
        415 => StatusReason::UnsupportedMediaType,
        422 => StatusReason::Invalid,
        429 => StatusReason::TooManyRequests,
        500 => StatusReason::InternalError,
        503 => StatusReason::ServiceUnavailable,
        504 => StatusReason::Timeout,
        _ => StatusReason::Unknown,
    }
}
