//! What is measured in one process.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::{Method, Request};
use http_body_util::Full;
use pilothouse_apiserver::ApiServer;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use super::{http as client, watchers};
use crate::Failure;
use crate::process::resident_mib;

/// The connections of the HTTP part: enough to keep two cores busy.
const CONNECTIONS: usize = 16;
pub(super) const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";
/// Writers in process: as many as threads.
const WRITERS: usize = 2;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Start,
    HttpsStart,
    Objects,
    Http,
    Watchers,
}

impl Part {
    pub(super) const ALL: [Self; 5] =
        [Self::Start, Self::HttpsStart, Self::Objects, Self::Http, Self::Watchers];

    pub(super) fn argument(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Start => "start in process",
            Self::HttpsStart => "start with HTTPS, idle",
            Self::Objects => "objects in process",
            Self::Http => "writes over HTTP",
            Self::Watchers => "watches",
        }
    }
}

/// What one process is to do.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Work {
    #[arg(long)]
    part: Part,
    #[arg(long)]
    pub(super) objects: usize,
    #[arg(long)]
    pub(super) watchers: usize,
    #[arg(long)]
    pub(super) smoke: bool,
}

/// The figures of one process; the others are not there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(super) object_bytes: Option<f64>,
    pub(super) start_ms: Option<f64>,
    pub(super) https_start_ms: Option<f64>,
    pub(super) idle_mib: Option<f64>,
    pub(super) full_mib: Option<f64>,
    pub(super) creates_per_second: Option<f64>,
    pub(super) updates_per_second: Option<f64>,
    pub(super) http_creates_per_second: Option<f64>,
    pub(super) events_per_second: Option<f64>,
    pub(super) lag_ms: Option<f64>,
}

pub(crate) async fn measure(work: Work) -> Result<Sample, Failure> {
    match work.part {
        Part::Start => start().await,
        Part::HttpsStart => https_start(work).await,
        Part::Objects => objects(work).await,
        Part::Http => over_http(work).await,
        Part::Watchers => watchers::measure(work).await,
    }
}

async fn start() -> Result<Sample, Failure> {
    let began = Instant::now();
    let server = ApiServer::builder().build();
    ask(&server, Method::GET, "/api/v1/namespaces/default".into(), Bytes::new()).await?;
    Ok(Sample { start_ms: Some(milliseconds(began.elapsed())), ..Sample::default() })
}

/// With a certificate authority made at the start, and a client that trusts it made before.
async fn https_start(work: Work) -> Result<Sample, Failure> {
    let (elapsed, _handle) = client::first_answer_over_tls().await?;
    tokio::time::sleep(Duration::from_millis(if work.smoke { 50 } else { 1000 })).await;
    let idle_mib = Some(resident_mib()?);
    Ok(Sample { https_start_ms: Some(milliseconds(elapsed)), idle_mib, ..Sample::default() })
}

async fn objects(work: Work) -> Result<Sample, Failure> {
    let server = ApiServer::builder().build();
    let before = resident_mib()?;
    let creates_per_second = Some(write_all(&server, Method::POST, work.objects).await?);
    let full_mib = Some(resident_mib()?);
    if full_mib < Some(before) {
        return Err("memory shrank while objects came".into());
    }
    // A fifth is enough for a rate.
    let updates_per_second = Some(write_all(&server, Method::PUT, work.objects / 5).await?);
    let object_bytes = Some(as_f64(body(0, 0).len()));
    Ok(Sample { object_bytes, full_mib, creates_per_second, updates_per_second, ..Sample::default() })
}

/// Writes per second of the clock; all writers together.
async fn write_all(server: &ApiServer, method: Method, count: usize) -> Result<f64, Failure> {
    let began = Instant::now();
    let writers = (0..WRITERS).map(|first| {
        let (server, method) = (server.clone(), method.clone());
        tokio::spawn(async move {
            for number in (first..count).step_by(WRITERS) {
                // A writer is a task among others.
                if number.is_multiple_of(64) {
                    tokio::task::yield_now().await;
                }
                let is_new = method == Method::POST;
                let path = if is_new { COLLECTION.to_owned() } else { object_path(number) };
                ask(&server, method.clone(), path, body(number, usize::from(!is_new))).await?;
            }
            Ok::<_, Failure>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    Ok(as_f64(count) / began.elapsed().as_secs_f64())
}

async fn over_http(work: Work) -> Result<Sample, Failure> {
    let server = ApiServer::builder().build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let handle = server.serve(listener, Default::default())?;
    let (address, count) = (handle.local_addr(), (work.objects / 10).max(CONNECTIONS));
    let began = Instant::now();
    let connections = (0..CONNECTIONS).map(|first| {
        tokio::spawn(async move {
            let mut connection = client::Connection::open(address).await?;
            for number in (first..count).step_by(CONNECTIONS) {
                connection.create(COLLECTION, &body(number, 0)).await?;
            }
            Ok::<_, Failure>(())
        })
    });
    for connection in connections.collect::<Vec<_>>() {
        connection.await??;
    }
    let http_creates_per_second = Some(as_f64(count) / began.elapsed().as_secs_f64());
    Ok(Sample { http_creates_per_second, ..Sample::default() })
}

/// One request at the door without a socket; an answer that is no success is a failure.
pub(super) async fn ask(
    server: &ApiServer,
    method: Method,
    path: String,
    body: Bytes,
) -> Result<(), Failure> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let answer = server.clone().oneshot(request).await?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("answered {}", answer.status()).into()) }
}

/// A config map of some 700 bytes.
pub(super) fn body(number: usize, version: usize) -> Bytes {
    let text = format!(
        concat!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"object-{:08}\",",
            "\"labels\":{{\"app.kubernetes.io/name\":\"app-{:02}\",\"app.kubernetes.io/managed-by\":\"bench\"}},",
            "\"annotations\":{{\"example.com/number\":\"{}\"}}}},\"data\":{{\"version\":\"{}\",\"text\":\"{}\"}}}}"
        ),
        number,
        number % 40,
        number,
        version,
        "The quick brown fox jumps over the lazy dog. ".repeat(10),
    );
    Bytes::from(text)
}

pub(super) fn object_path(number: usize) -> String {
    format!("{COLLECTION}/object-{number:08}")
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(super) fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
