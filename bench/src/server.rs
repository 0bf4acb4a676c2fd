//! The server of all candidates: lists (paged or whole), streamed lists and watches of pods, as JSON, as protobuf
//! and as metadata alone.
//!
//! Orders come by `POST`: `/reset` before each client, `/start` for events, `/relist` to lose the history; `/sent` is
//! answered with when each event since the reset was sent, in nanoseconds of the monotonic clock;
//! `/protobuf` is found if that was spoken.

pub(crate) mod catalogue;
pub(crate) mod state;
mod watch;
pub(crate) mod wire;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Failure;
use crate::pods::Size;
use catalogue::{Catalogue, Format};
use state::{Order, State};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What requests are answered from.
#[derive(Debug)]
pub(crate) struct Server {
    catalogue: Catalogue,
    state: State,
}

/// Serves on a free port of the loopback interface until the process is ended. One line is printed: address, mean
/// bytes of a pod as JSON and as protobuf.
pub(crate) async fn run(objects: u32, size: Size, go: Option<PathBuf>) -> Result<(), Failure> {
    let catalogue = Catalogue::new(objects, size, go.as_deref())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {} {}", listener.local_addr()?, catalogue.mean_json(), catalogue.mean_protobuf());
    let server = Arc::new(Server { catalogue, state: State::default() });
    server.state.reset(server.catalogue.len());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(&request)) }
            });
            // Clients go away when they have measured.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The value of a parameter of the query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn number(query: &str, name: &str) -> Option<u32> {
    parameter(query, name)?.parse().ok()
}

impl Server {
    fn answer(self: Arc<Self>, request: &Request<Incoming>) -> Response<Body> {
        let query = request.uri().query().unwrap_or_default();
        let format = self.format(request);
        match (request.method(), request.uri().path()) {
            (&Method::POST, path) => self.obey(path, query),
            (&Method::GET, "/api/v1/pods") if parameter(query, "watch").is_some() => {
                let initial = parameter(query, "sendInitialEvents") == Some("true");
                let version = number(query, "resourceVersion").unwrap_or(0);
                let media = if format == Format::Protobuf {
                    "application/vnd.kubernetes.protobuf;stream=watch"
                } else {
                    "application/json"
                };
                let body = if !initial && version < self.state.oldest() {
                    Full::from(wire::expired(format)).boxed_unsync()
                } else {
                    watch::body(self, format, initial)
                };
                respond(StatusCode::OK, media, body)
            }
            (&Method::GET, "/api/v1/pods") => {
                let start = number(query, "continue").unwrap_or(0) as usize;
                let page = self.list(start, number(query, "limit").filter(|limit| *limit > 0), format);
                let media = if format == Format::Protobuf { PROTOBUF } else { "application/json" };
                respond(StatusCode::OK, media, Full::from(page).boxed_unsync())
            }
            _ => respond(StatusCode::NOT_FOUND, "application/json", Full::default().boxed_unsync()),
        }
    }

    fn obey(&self, path: &str, query: &str) -> Response<Body> {
        let mut status = StatusCode::OK;
        match path {
            "/reset" => self.state.reset(self.catalogue.len()),
            "/start" => {
                let value = |name| number(query, name).unwrap_or(0);
                let (count, rate, among) = (value("events"), value("rate"), value("among"));
                self.state.order(Order::Events { count, rate, among });
            }
            "/sent" => {
                let text = format!("{:?}", self.state.sent());
                return respond(status, "application/json", Full::from(text).boxed_unsync());
            }
            "/relist" => self.state.lose_history(),
            "/protobuf" if self.state.spoke_protobuf() => {}
            _ => status = StatusCode::NOT_FOUND,
        }
        respond(status, "application/json", Full::default().boxed_unsync())
    }

    fn format(&self, request: &Request<Incoming>) -> Format {
        let accept =
            request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("as=PartialObjectMetadata") {
            Format::Metadata
        } else if accept.contains(PROTOBUF) && self.catalogue.has_protobuf() {
            self.state.speak_protobuf();
            Format::Protobuf
        } else {
            Format::Json
        }
    }

    fn list(&self, start: usize, limit: Option<u32>, format: Format) -> Vec<u8> {
        let all = self.catalogue.len();
        let end = limit.map_or(all, |limit| (start + limit as usize).min(all));
        let (left, version) = (all - end, self.state.version().to_string());
        let next = if left > 0 { end.to_string() } else { String::new() };
        let versions = self.state.versions(start.min(end)..end);
        let items = (start..end).zip(versions);
        if format == Format::Protobuf {
            let items: Vec<Vec<u8>> = items
                .map(|(index, version)| {
                    let mut item = Vec::new();
                    self.catalogue.put(index, version, format, &mut item);
                    item
                })
                .collect();
            return wire::list(&version, &next, left, &items);
        }
        let (kind, group) = match format {
            Format::Metadata => ("PartialObjectMetadataList", "meta.k8s.io/v1"),
            _ => ("PodList", "v1"),
        };
        let paging = if left > 0 {
            format!(",\"continue\":\"{next}\",\"remainingItemCount\":{left}")
        } else {
            String::new()
        };
        let opening = format!(
            "{{\"kind\":\"{kind}\",\"apiVersion\":\"{group}\",\"metadata\":{{\"resourceVersion\":\"{version}\"{paging}}},\
             \"items\":["
        );
        let mut body = opening.into_bytes();
        for (index, version) in items {
            body.extend_from_slice(if index == start { b"" } else { b"," });
            self.catalogue.put(index, version, format, &mut body);
        }
        body.extend_from_slice(b"]}\n");
        body
    }
}

fn respond(status: StatusCode, media: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
