//! `/metrics`, `/livez` (also as `/healthz`) and `/readyz`; `/deadletters` beside them.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use super::access::{Gate, Refusal};
use super::health::Health;
use super::letters::Letters;
use crate::Metrics;

/// What an address shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pages {
    /// Everything.
    All,
    /// What kubelet asks for.
    Probes,
}

/// What the endpoints show.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    pub(super) letters: Letters,
    pub(super) gate: Gate,
}

impl Endpoints {
    /// The answer to one request. Probes are answered to everybody, everything else to whom the gate lets in.
    pub(super) async fn respond(&self, pages: Pages, peer: IpAddr, request: &Parts) -> Response<Full<Bytes>> {
        let path = request.uri.path();
        if let "/healthz" | "/livez" | "/readyz" = path {
            return only_get(request).unwrap_or_else(|| {
                let is_verbose = request.uri.query().is_some_and(asks_for_all);
                let (status, body) =
                    if path == "/readyz" { self.health.ready() } else { self.health.live(is_verbose) };
                text(status, body)
            });
        }
        if pages == Pages::Probes {
            return text(StatusCode::NOT_FOUND, "not found\n".into());
        }
        let user = match self.gate.admit(request).await {
            Ok(user) => user,
            Err(refusal) => return refused(&refusal),
        };
        if let Some(response) = self.letters.respond(peer, user.as_deref(), request).await {
            return response;
        }
        only_get(request).unwrap_or_else(|| match path {
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.metrics.encode());
                let media_type = HeaderValue::from_static(Metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, media_type);
                response
            }
            _ => text(StatusCode::NOT_FOUND, "not found\n".into()),
        })
    }
}

/// Whether a query has `verbose`, as that of Kubernetes' own probes.
fn asks_for_all(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("verbose"))
}

/// The answer to who wants to change what can only be read.
fn only_get(request: &Parts) -> Option<Response<Full<Bytes>>> {
    if matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// The answer to who does not come in. As JSON: `pilothouse deadletters` shows what is under `error`.
fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let mut response = json(refusal.status(), &serde_json::json!({"error": refusal.to_string()}));
    let headers = response.headers_mut();
    match refusal {
        Refusal::Unauthenticated => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refusal::NoAnswer { .. } => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        Refusal::Forbidden { .. } => {}
    }
    response
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = text(status, format!("{body}\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
