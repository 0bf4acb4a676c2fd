//! Errors as problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::store::StoreError;

/// Why a request to the API failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// Nothing is on record under that name.
    #[error("nothing is on record under this address")]
    NotFound,
    /// A parameter cannot be read.
    #[error("cannot read the parameter {0:?}")]
    Parameter(&'static str),
    /// The database failed.
    #[error("cannot read the logbook")]
    Store(#[from] StoreError),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Parameter(_) | Self::Store(StoreError::Cursor(_)) => StatusCode::BAD_REQUEST,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Parameter(_) => "InvalidParameter",
            Self::Store(error) => error.reason(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(
                reason = self.reason(),
                error = &self as &dyn std::error::Error,
                "request failed"
            );
        }
        let document = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.to_string(),
            "reason": self.reason(),
        });
        let mut response = (status, document.to_string()).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// Whatever is under `/api/` and is no address of the API.
pub(crate) async fn no_such_address() -> Problem {
    Problem::NotFound
}
