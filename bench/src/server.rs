//! The server of all candidates: one list of pods and one watch, encoded beforehand.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{Failure, pods};

/// The version of the list; the events carry those that follow.
pub(crate) const LIST_VERSION: u32 = 200_000_000;
const FIRST_OBJECT_VERSION: u32 = 100_000_000;
const VERSION_KEY: &[u8] = b"\"resourceVersion\":\"";
const EVENT_OPENING: &str = "{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",";
/// Shares no factor with any number of pods people ask for, so that events visit all pods out of list order.
const STRIDE: u64 = 7919;

type Body = UnsyncBoxBody<Bytes, Infallible>;

struct Server {
    /// The pods as they stand in a list.
    items: Vec<Bytes>,
    /// Where in an item the digits of its version begin.
    versions: Vec<usize>,
    events: u32,
    /// One permit per watch that may send its events.
    starts: Semaphore,
}

/// Serves on a free port of the loopback interface, whose address is printed, until the process is ended.
pub(crate) async fn run(objects: u32, events: u32) -> Result<(), Failure> {
    let items: Vec<Bytes> = (0..objects)
        .map(|number| pods::pod(number, FIRST_OBJECT_VERSION + number).to_string().into())
        .collect();
    let versions = items
        .iter()
        .map(|item| item.windows(VERSION_KEY.len()).position(|part| part == VERSION_KEY))
        .map(|start| start.map(|start| start + VERSION_KEY.len()).ok_or("a pod without a version"))
        .collect::<Result<_, _>>()?;
    let total: usize = items.iter().map(Bytes::len).sum();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {}", listener.local_addr()?, total / items.len().max(1));
    let server = Arc::new(Server { items, versions, events, starts: Semaphore::new(0) });
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = Arc::clone(&server);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(&request)) }
            });
            // Clients go away when they have measured.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Server {
    fn answer(self: Arc<Self>, request: &Request<Incoming>) -> Response<Body> {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|(_, value)| value)
        };
        let mut response = Response::default();
        let body = match (request.method(), request.uri().path()) {
            (&Method::POST, "/start") => {
                self.starts.add_permits(1);
                Full::default().boxed_unsync()
            }
            (&Method::GET, "/api/v1/pods") if parameter("watch").is_some() => self.watch(),
            (&Method::GET, "/api/v1/pods") => {
                let number = |name| parameter(name).and_then(|value| value.parse::<usize>().ok());
                Full::new(self.list(number("continue").unwrap_or(0), number("limit"))).boxed_unsync()
            }
            _ => {
                *response.status_mut() = StatusCode::NOT_FOUND;
                Full::default().boxed_unsync()
            }
        };
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        response.map(|(): ()| body)
    }

    fn list(&self, start: usize, limit: Option<usize>) -> Bytes {
        let end = limit.map_or(self.items.len(), |limit| (start + limit).min(self.items.len()));
        let page = self.items.get(start..end).unwrap_or_default();
        let next = if end < self.items.len() { end.to_string() } else { String::new() };
        let left = self.items.len() - end;
        let mut body = format!(
            "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{LIST_VERSION}\",\
             \"continue\":\"{next}\",\"remainingItemCount\":{left}}},\"items\":["
        )
        .into_bytes();
        for (index, item) in page.iter().enumerate() {
            body.extend_from_slice(if index == 0 { b"" } else { b"," });
            body.extend_from_slice(item);
        }
        body.extend_from_slice(b"]}\n");
        body.into()
    }

    /// A body that waits for the start, sends all events, each as a frame of its own, and stays open.
    fn watch(self: Arc<Self>) -> Body {
        let events = stream::unfold((self, 0), |(server, sent)| async move {
            if sent == 0 {
                server.starts.acquire().await.ok()?.forget();
            }
            if sent == server.events {
                std::future::pending::<()>().await;
            }
            let event = server.event(sent);
            Some((Ok(Frame::data(event)), (server, sent + 1)))
        });
        BodyExt::boxed_unsync(StreamBody::new(events))
    }

    fn event(&self, number: u32) -> Bytes {
        let index = usize::try_from(u64::from(number) * STRIDE % self.items.len().max(1) as u64).unwrap_or(0);
        let (item, version) = (&self.items[index], self.versions[index]);
        let digits = (LIST_VERSION + 1 + number).to_string();
        let mut event = BytesMut::with_capacity(EVENT_OPENING.len() + item.len() + 2);
        event.extend_from_slice(EVENT_OPENING.as_bytes());
        event.extend_from_slice(&item[1..version]);
        event.extend_from_slice(digits.as_bytes());
        event.extend_from_slice(&item[version + digits.len()..]);
        event.extend_from_slice(b"}\n");
        event.freeze()
    }
}
