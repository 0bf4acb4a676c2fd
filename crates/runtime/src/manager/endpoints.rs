//! `/metrics`, `/healthz` and `/readyz`; `/deadletters` beside them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pilothouse_machinery::Environment;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::Readiness;
use super::letters::Letters;
use crate::{Error, Informers, Leadership, Metrics};

/// Connections served at once; more are turned away.
const CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to pause when no connection can be accepted (no file descriptors, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How much later than the lease duration a renewal may be before the process counts as unhealthy, as in
/// controller-runtime.
const LEASE_TOLERANCE: Duration = Duration::from_secs(20);

/// What the endpoints show.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub(super) metrics: Metrics,
    pub(super) readiness: Readiness,
    pub(super) informers: Informers,
    pub(super) leadership: Leadership,
    pub(super) letters: Letters,
}

/// The listener of a process, served until dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl Endpoints {
    /// Listens on `address` (port 0 picks a free one) and serves until the server is dropped.
    pub(super) async fn serve(self, address: SocketAddr, environment: &Environment) -> Result<Server, Error> {
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accepting = environment.spawn("metrics and health", self.accept(listener, environment.clone()));
        Ok(Server { address, _accepting: AbortOnDropHandle::new(accepting) })
    }

    async fn accept(self, listener: TcpListener, environment: Environment) {
        let mut connections: Vec<AbortOnDropHandle<()>> = Vec::new();
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection for metrics and health");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            connections.retain(|connection| !connection.is_finished());
            if connections.len() < CONNECTIONS {
                let connection =
                    environment.spawn("metrics connection", self.clone().converse(stream, peer.ip()));
                connections.push(AbortOnDropHandle::new(connection));
            }
        }
    }

    async fn converse(self, stream: TcpStream, peer: IpAddr) {
        let service = service_fn(move |request: Request<Incoming>| {
            let endpoints = self.clone();
            let (request, _) = request.into_parts();
            async move {
                let response = match endpoints.letters.respond(peer, &request).await {
                    Some(response) => response,
                    None => endpoints.respond(&request.method, request.uri.path()),
                };
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection for metrics and health failed");
        }
    }

    /// The answer to one request.
    pub(super) fn respond(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
            response.headers_mut().insert(ALLOW, http::HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.metrics.encode());
                let media_type = http::HeaderValue::from_static(Metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, media_type);
                response
            }
            "/healthz" => self.healthz(),
            "/readyz" => self.readyz(),
            _ => text(StatusCode::NOT_FOUND, "not found\n".into()),
        }
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

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
