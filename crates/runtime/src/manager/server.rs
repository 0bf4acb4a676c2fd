//! The listener for metrics and probes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pilothouse_machinery::Environment;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::task::AbortOnDropHandle;

use super::certificate::Certificate;
use super::endpoints::{Endpoints, Pages};
use super::stall::Unstalled;
use crate::Error;

/// Connections served at once. For one more the oldest ends, so that whoever holds places cannot keep kubelet's probes
/// from theirs.
const CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants, and before that to agree on a cipher.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what it asked for.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
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
    /// Listens on `address` (port 0 picks a free one; `[::]` is every address of the machine, those of IPv4 too, and
    /// those alone where there is no IPv6) and serves these pages until dropped.
    pub(super) async fn start(
        endpoints: Endpoints,
        pages: Pages,
        address: SocketAddr,
        certificate: Option<Certificate>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let listener = bind(address).await.map_err(failed)?;
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

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) => match without_ipv6(address, &error) {
            Some(address) => TcpListener::bind(address).await,
            None => Err(error),
        },
    }
}

/// The address that is left of every address of the machine, where `error` says that there is no IPv6.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let is_missing = matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL));
    let is_every = address.ip() == Ipv6Addr::UNSPECIFIED;
    (is_missing && is_every).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

impl Service {
    async fn accept(self, listener: TcpListener, environment: Environment) {
        let mut connections: VecDeque<AbortOnDropHandle<()>> = VecDeque::new();
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
            if connections.len() >= CONNECTIONS {
                tracing::debug!("a connection for metrics and health ends to make place for another");
                connections.pop_front();
            }
            let greeting = self.clone().greet(stream, peer.ip());
            connections.push_back(AbortOnDropHandle::new(environment.spawn("metrics connection", greeting)));
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
            .serve_connection(TokioIo::new(Unstalled::new(stream, STALL_TIMEOUT)), service);
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection for metrics and health failed");
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
