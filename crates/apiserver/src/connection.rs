//! The door with a socket: HTTP/1.1 on a listener, inside TLS if asked for.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::access::{Entrance, TokenDigest};
use crate::client_certificate::user_of;
use crate::service::answer;
use crate::{ApiServer, TlsIdentity};

/// How long open connections get to finish when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a listener is served.
#[derive(Clone, Default)]
pub struct ServeOptions {
    /// A bearer token that stands for the administrator at this listener, besides those of the builder.
    pub token: Option<String>,
    /// The certificate to serve HTTPS with; plain HTTP without one.
    pub tls: Option<TlsIdentity>,
}

impl fmt::Debug for ServeOptions {
    /// Tells whether there is a token, not which.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, tls) = (self.token.is_some(), self.tls.is_some());
        formatter.debug_struct("ServeOptions").field("token", &token).field("tls", &tls).finish()
    }
}

/// A listener that is being served.
///
/// Dropping it leaves the listener open; [`shutdown`](Self::shutdown) closes it.
#[derive(Debug)]
pub struct ServerHandle {
    server: ApiServer,
    address: SocketAddr,
    stop: Arc<Stop>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: std::sync::atomic::AtomicBool,
    told: Notify,
}

impl Stop {
    fn ask(&self) {
        self.asked.store(true, std::sync::atomic::Ordering::SeqCst);
        self.told.notify_waiters();
    }

    async fn wait(&self) {
        let told = self.told.notified();
        tokio::pin!(told);
        told.as_mut().enable();
        if !self.asked.load(std::sync::atomic::Ordering::SeqCst) {
            told.await;
        }
    }
}

impl ServerHandle {
    /// The address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops: closes the listener, ends all watches of the server and lets other requests finish (for up to two
    /// seconds). The server and its objects live on and can be served on another listener.
    ///
    /// **Cancellation.** If dropped, stopping goes on without anybody waiting for it.
    pub async fn shutdown(self) {
        self.stop.ask();
        self.server.drop_watches();
        _ = self.task.await;
    }
}

impl ApiServer {
    /// Serves `listener` in tasks of the present runtime until the handle is told to stop. Fails if the listener
    /// has no address.
    pub fn serve(&self, listener: TcpListener, options: ServeOptions) -> io::Result<ServerHandle> {
        let address = listener.local_addr()?;
        let stop = Arc::new(Stop::default());
        let accept = accept(self.clone(), listener, options, stop.clone());
        let task = self.environment().spawn("apiserver-accept", accept);
        Ok(ServerHandle { server: self.clone(), address, stop, task })
    }
}

async fn accept(server: ApiServer, listener: TcpListener, options: ServeOptions, stop: Arc<Stop>) {
    let door = Door {
        server,
        entrance: Arc::new(Entrance {
            token: options.token.as_deref().map(TokenDigest::of),
            ..Entrance::default()
        }),
        tls: options.tls.map(|identity| identity.acceptor()),
        stop,
    };
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = door.stop.wait() => break,
            accepted = listener.accept() => accepted,
        };
        connections.retain(|connection| !connection.is_finished());
        match accepted {
            Ok((stream, _)) => {
                let task = door.clone().connection(stream);
                connections.push(door.server.environment().spawn("apiserver-connection", task));
            }
            Err(error) => {
                // Too many open files, or a connection that was gone already: others may still come.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    for connection in connections {
        _ = connection.await;
    }
}

/// What a connection needs to be served.
#[derive(Clone)]
struct Door {
    server: ApiServer,
    entrance: Arc<Entrance>,
    tls: Option<TlsAcceptor>,
    stop: Arc<Stop>,
}

impl Door {
    async fn connection(self, stream: TcpStream) {
        // A watch line must not wait for a full packet.
        _ = stream.set_nodelay(true);
        let Some(acceptor) = self.tls.clone() else { return self.requests(stream).await };
        let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
        let agreed = tokio::select! {
            biased;
            () = self.stop.wait() => return,
            agreed = handshake => agreed,
        };
        match agreed {
            Ok(Ok(stream)) => {
                let mut entrance = Entrance::clone(&self.entrance);
                let certificates = stream.get_ref().1.peer_certificates();
                let user = certificates.and_then(|shown| shown.first()).and_then(user_of);
                entrance.certificate = user.map(Arc::new);
                Self { entrance: Arc::new(entrance), ..self }.requests(stream).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn requests<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let service = service_fn(|request: Request<Incoming>| {
            let (server, entrance) = (self.server.clone(), self.entrance.clone());
            async move { answer(&server, request, &entrance).await }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            biased;
            () = self.stop.wait() => {
                connection.as_mut().graceful_shutdown();
                self.server.drop_watches();
                tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
            }
            ended = connection.as_mut() => ended,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }
}
