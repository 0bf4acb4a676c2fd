//! The fence at the socket, over connections that pause the process where that hurts.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection as AnyConnection};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use parking_lot::Mutex;
use pilothouse_apiserver::{ApiServer, ServeOptions};
use pilothouse_machinery::{Environment, ObjectKey};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::Service;

use super::connection::Connection;
use super::fence::Fence;
use super::flow::Flow;
use super::sockets::{Abort, FencedConnector, FencedStream, refusal, stack};
use super::{Client, ClientOptions};
use crate::leader::{End, Tenure};
use crate::metrics::Metrics;

const SECOND: Duration = Duration::from_secs(1);

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(serde_json::json!({"metadata": {"name": name, "namespace": "default"}})).unwrap()
}

fn leading() -> Arc<Tenure> {
    let tenure = Arc::new(Tenure::new(5 * SECOND));
    assert!(tenure.begin(1, Instant::now() + 10 * SECOND));
    tenure
}

/// A connection to a server in the same process, which pauses this process before it writes: time goes on meanwhile.
#[derive(Clone)]
struct Wires {
    server: ApiServer,
    environment: Environment,
    tenure: Arc<Tenure>,
    pause: Arc<Mutex<Option<Duration>>>,
}

struct Wire {
    inner: FencedStream<Pipe>,
    pause: Arc<Mutex<Option<Duration>>>,
}

struct Pipe(TokioIo<DuplexStream>);

impl Wires {
    fn new() -> Self {
        let environment = Environment::simulated(3, Timestamp::UNIX_EPOCH);
        let server = ApiServer::builder().environment(environment.clone()).build();
        Self { server, environment, tenure: leading(), pause: Arc::default() }
    }

    /// A client whose reads come to the server as they are, and whose writes go over these wires.
    fn client(&self) -> Client {
        let config = kube::Config::new("http://server".parse().unwrap());
        let reads = kube::Client::new(self.server.clone(), "default");
        let way = Connection::Fixed(stack(&config, self.clone()).unwrap());
        let flow = Flow::new(
            Connection::Fixed(reads),
            ClientOptions::unlimited(),
            &self.environment,
            &Metrics::new(),
        );
        Client::over(flow.behind(Fence { tenure: Arc::clone(&self.tenure), way }))
    }
}

impl Service<Uri> for Wires {
    type Response = Wire;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Wire>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (near, far) = tokio::io::duplex(1 << 16);
        let service = TowerToHyperService::new(self.server.clone());
        let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service);
        drop(self.environment.spawn("connection", serving));
        let inner = FencedStream::new(Pipe(TokioIo::new(near)), Arc::clone(&self.tenure));
        let wire = Wire { inner, pause: Arc::clone(&self.pause) };
        Box::pin(async move { Ok(wire) })
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = self.pause.lock().take() {
            // Its first poll sets the clock.
            let advancing = pin!(tokio::time::advance(pause));
            let _ = advancing.poll(&mut Context::from_waker(Waker::noop()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AnyConnection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Abort for Pipe {
    fn abort(&self) {}
}

#[tokio::test(start_paused = true)]
async fn e11_a_process_paused_between_the_look_at_its_term_and_the_send_sends_nothing() {
    for (pause, is_written) in [(9 * SECOND, true), (11 * SECOND, false)] {
        // On a fresh connection, and on one that has carried a write before.
        for is_first in [true, false] {
            let wires = Wires::new();
            let client = wires.client();
            if !is_first {
                client.create(&config_map("before")).await.unwrap();
            }
            *wires.pause.lock() = Some(pause);
            let outcome = client.create(&config_map("late")).await;
            tokio::time::sleep(60 * SECOND).await;
            let found = client.get::<ConfigMap>(&ObjectKey::new("default", "late")).await;
            assert_eq!(found.is_ok(), is_written, "{pause:?}, first: {is_first}");
            assert_eq!(outcome.as_ref().is_ok(), is_written);
            assert!(outcome.err().is_none_or(|error| error.reason() == "NotLeading"));
        }
    }
}

#[tokio::test]
async fn e11_connections_of_a_term_carry_nothing_after_it_and_others_go_on() {
    let server = ApiServer::builder().build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let handle = server.serve(listener, ServeOptions::default()).unwrap();
    let config = kube::Config::new(format!("http://{}", handle.local_addr()).parse().unwrap());
    let tenure = leading();
    let opened = Connection::open(config, None).unwrap();
    let (way, same) = (opened.of_term(&tenure).client(), opened.of_term(&tenure).client());
    let post = |name: &str| {
        let request = Request::post("/api/v1/namespaces/default/configmaps");
        let body = serde_json::to_vec(&config_map(name)).unwrap();
        request.header("content-type", "application/json").body(Body::from(body)).unwrap()
    };
    assert!(way.send(post("a")).await.unwrap().status().is_success());
    assert!(same.send(post("b")).await.unwrap().status().is_success());
    tenure.end(End::Lost);
    // Below the stack of the client, whose own look would have refused already.
    let error = way.send(post("c")).await.unwrap_err();
    let refusal = refusal(&error).expect("the socket's own refusal");
    assert_eq!((refusal.why, refusal.sent), ("it has lost its lease", false));
    let next = opened.of_term(&leading()).client();
    assert!(next.send(post("d")).await.unwrap().status().is_success());
    let list = Request::get("/api/v1/namespaces/default/configmaps").body(Body::empty()).unwrap();
    let list: serde_json::Value =
        serde_json::from_slice(&next.send(list).await.unwrap().into_body().collect_bytes().await.unwrap())
            .unwrap();
    let names: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|it| it["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "d"]);
}

#[tokio::test]
async fn e11_the_kernel_repeats_what_was_written_for_no_longer_than_the_lease_outlives_the_term() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let config = kube::Config::new(uri.clone());
    let tenure = leading();
    for is_over in [false, true] {
        let stream = FencedConnector::new(&config, &tenure).call(uri.clone()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        let socket = stream.inner().inner();
        assert!(socket.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(socket).unwrap(), 5000);
        if is_over {
            tenure.end(End::Lost);
        }
        drop(stream);
        // After the term, what has not left is discarded: the peer sees a reset instead of an end.
        let read = peer.read(&mut [0; 1]).await;
        assert_eq!(
            read.map_err(|error| error.kind()).err(),
            is_over.then_some(io::ErrorKind::ConnectionReset)
        );
    }
}
