//! The listener for metrics and probes.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pilothouse_machinery::Environment;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::certificate::Certificate;
use super::endpoints::{Endpoints, Pages};
use crate::Error;

/// Connections served at once; more are turned away.
const CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants, and before that to agree on a cipher.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to pause when no connection can be accepted (no file descriptors, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener, served until dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    accepting: AbortOnDropHandle<()>,
}

/// What is served on one address.
#[derive(Clone, Debug)]
struct Service {
    endpoints: Endpoints,
    pages: Pages,
    certificate: Option<Certificate>,
}

impl Server {
    /// Listens on `address` (port 0 picks a free one) and serves these pages until dropped.
    pub(super) async fn start(
        endpoints: Endpoints,
        pages: Pages,
        address: SocketAddr,
        certificate: Option<Certificate>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let service = Service { endpoints, pages, certificate };
        let accepting =
            environment.spawn("metrics and health", service.accept(listener, environment.clone()));
        Ok(Self { address, accepting: AbortOnDropHandle::new(accepting) })
    }
}

impl Server {
    /// The task that serves.
    pub(super) fn task(&self) -> AbortHandle {
        self.accepting.abort_handle()
    }
}

impl Service {
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
                let greeting = self.clone().greet(stream, peer.ip());
                connections.push(AbortOnDropHandle::new(environment.spawn("metrics connection", greeting)));
            }
        }
    }

    async fn greet(self, stream: TcpStream, peer: IpAddr) {
        let Some(certificate) = &self.certificate else { return self.converse(stream, peer).await };
        let handshake = certificate.acceptor().accept(stream);
        match tokio::time::timeout(HEADER_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => self.converse(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client for metrics did not agree on TLS"),
            Err(_) => tracing::debug!("a client for metrics was too slow to agree on TLS"),
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, peer: IpAddr) {
        let Self { endpoints, pages, .. } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let endpoints = endpoints.clone();
            let (request, _) = request.into_parts();
            async move { Ok::<_, Infallible>(endpoints.respond(pages, peer, &request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection for metrics and health failed");
        }
    }
}
