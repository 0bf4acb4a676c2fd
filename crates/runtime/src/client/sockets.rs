//! The fence at the socket: the last look at the term, immediately before bytes go to the kernel.
//!
//! Between the look that a request passes and its bytes lie a queue, a pool of connections and TLS; a process that is
//! paused there would send when it goes on. So the writes of a term have connections of their own, which look again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::{Body, ConfigExt};
use tokio::net::TcpStream;
use tower::{Service, ServiceBuilder};

use crate::leader::{NotLeading, Tenure};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client whose connections pass no bytes outside of this term.
pub(super) fn connect(config: &kube::Config, tenure: &Arc<Tenure>) -> Result<kube::Client, kube::Error> {
    let connector = FencedConnector::new(config, tenure);
    stack(config, config.rustls_https_connector_with_connector(connector)?)
}

/// The client of a `kube::Config`, over these connections.
pub(super) fn stack<C>(config: &kube::Config, connector: C) -> Result<kube::Client, kube::Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}

/// A client that fails whatever it is asked, where none could be made: better no write than one without a fence.
pub(super) fn refusing(why: String, namespace: &str) -> kube::Client {
    let refuse = move |_: Request<Body>| {
        let why = why.clone();
        async move { Err::<Response<Body>, _>(BoxError::from(why)) }
    };
    kube::Client::new(tower::service_fn(refuse), namespace)
}

/// Why the socket refused to send, if that is why a request failed.
pub(super) fn refusal(error: &kube::Error) -> Option<NotLeading> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<NotLeading>() {
            return Some(refusal.clone());
        }
        // The source of an I/O error is not what it holds, but that one's source.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = held.map(|held| held as _).or_else(|| error.source());
    }
    None
}

/// Opens connections that belong to a term.
#[derive(Clone)]
pub(super) struct FencedConnector {
    http: HttpConnector,
    tenure: Arc<Tenure>,
}

impl FencedConnector {
    pub(super) fn new(config: &kube::Config, tenure: &Arc<Tenure>) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(config.connect_timeout);
        // What is written leaves at once: the kernel does not collect small pieces.
        http.set_nodelay(true);
        // What the network holds up is repeated by the kernel, also while the process is paused: for no longer than
        // the lease outlives the term.
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(tenure.margin()));
        Self { http, tenure: Arc::clone(tenure) }
    }
}

impl Service<Uri> for FencedConnector {
    type Response = FencedStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (opening, tenure) = (self.http.call(to), Arc::clone(&self.tenure));
        Box::pin(async move { Ok(FencedStream::new(opening.await?, tenure)) })
    }
}

/// A connection that can forget what it has not sent.
pub(super) trait Abort {
    /// Lets the end of the connection discard what has not left yet, instead of going on to send it.
    fn abort(&self);
}

impl Abort for TokioIo<TcpStream> {
    fn abort(&self) {
        // It only fails for a socket that is gone.
        let _ = self.inner().set_zero_linger();
    }
}

/// A connection that passes no bytes outside of a term (E-I2).
///
/// **Guarantees.** The term is looked at in the same poll as the system call that hands over the bytes, with nothing
/// of this process in between. A refused piece breaks the connection, so a request that was refused in part is never
/// complete. When the connection is dropped after the term, what the kernel still holds of it is discarded.
pub(super) struct FencedStream<S: Abort> {
    inner: S,
    tenure: Arc<Tenure>,
}

impl<S: Abort> FencedStream<S> {
    pub(super) fn new(inner: S, tenure: Arc<Tenure>) -> Self {
        Self { inner, tenure }
    }

    #[cfg(test)]
    pub(super) fn inner(&self) -> &S {
        &self.inner
    }

    fn check(&self) -> io::Result<()> {
        self.tenure.check().map_err(io::Error::other)
    }
}

impl<S: Abort> Drop for FencedStream<S> {
    fn drop(&mut self) {
        if self.tenure.check().is_err() {
            self.inner.abort();
        }
    }
}

impl<S: Read + Abort + Unpin> Read for FencedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: Write + Abort + Unpin> Write for FencedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: Connection + Abort> Connection for FencedStream<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
