//! `/metrics`, `/healthz` and `/readyz`; `/deadletters` beside them.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use super::Readiness;
use super::access::{Gate, Refusal};
use super::letters::Letters;
use crate::{Informers, Leadership, Metrics};

/// How much later than the lease duration a renewal may be before the process counts as unhealthy, as in
/// controller-runtime.
const LEASE_TOLERANCE: Duration = Duration::from_secs(20);

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
    pub(super) readiness: Readiness,
    pub(super) informers: Informers,
    pub(super) leadership: Leadership,
    pub(super) letters: Letters,
    pub(super) gate: Gate,
}

impl Endpoints {
    /// The answer to one request. Probes are answered to everybody, everything else to whom the gate lets in.
    pub(super) async fn respond(&self, pages: Pages, peer: IpAddr, request: &Parts) -> Response<Full<Bytes>> {
        let path = request.uri.path();
        if let "/healthz" | "/readyz" = path {
            return only_get(request).unwrap_or_else(|| match path {
                "/healthz" => self.healthz(),
                _ => self.readyz(),
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

    /// Whether the process should go on: not when its election hangs while it believes to lead (conformance E9).
    fn healthz(&self) -> Response<Full<Bytes>> {
        match self.leadership.check(LEASE_TOLERANCE) {
            Ok(()) => text(StatusCode::OK, "ok\n".into()),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("[-] leader election: {error}\n")),
        }
    }

    /// One line per part and per cache, and whether all of them are ready.
    fn readyz(&self) -> Response<Full<Bytes>> {
        let parts = self.readiness.parts().into_iter();
        let caches = self.informers.all().into_iter().map(|informer| {
            let why = (!informer.is_synced()).then(|| match informer.trouble() {
                Some(trouble) => format!("the first list is not complete: {trouble}"),
                None => "the first list is not complete".to_owned(),
            });
            (format!("cache of {}", informer.title()), why)
        });
        let (mut body, mut ready) = (String::new(), true);
        for (name, why_not) in parts.chain(caches) {
            match why_not {
                None => body.extend(["[+] ", &name, " ok\n"]),
                Some(why_not) => {
                    ready = false;
                    body.extend(["[-] ", &name, " not ready: ", &why_not, "\n"]);
                }
            }
        }
        for (name, why) in self.readiness.trouble() {
            body.extend(["[!] ", &name, " in trouble: ", &why, "\n"]);
        }
        body.push_str(if ready { "ready\n" } else { "not ready\n" });
        text(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
    }
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
