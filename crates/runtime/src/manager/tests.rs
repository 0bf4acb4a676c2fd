//! The promises of the manager, one test each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::endpoints::{Endpoints, Pages};
use super::*;
use crate::testing::{Script, list, object, stream};
use crate::{Client, ClientOptions, Error, Informers, Metrics};

type Log = Arc<Mutex<Vec<String>>>;

pub(super) fn environment() -> Environment {
    Environment::simulated(1, Timestamp::UNIX_EPOCH)
}

/// A client whose server knows nothing.
fn client() -> Client {
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        let body = Full::new(Bytes::from_static(b"{}"));
        Ok::<_, Infallible>(http::Response::builder().status(404).body(body).expect("a response"))
    });
    let inner = kube::Client::new(service, "default");
    Client::new(inner, ClientOptions::unlimited(), &environment(), &Metrics::new())
}

fn manager() -> Manager {
    Manager::new("test").client(client()).environment(environment())
}

/// Ends `after` the word to stop, and says so.
fn polite(name: &'static str, group: Group, after: Duration, log: &Log) -> Task {
    let log = Arc::clone(log);
    Task::new(name, move |context| async move {
        log.lock().push(format!("{name} starts"));
        context.shutdown.requested().await;
        sleep(after).await;
        log.lock().push(format!("{name} ends"));
        Ok::<_, BoxError>(())
    })
    .in_group(group)
}

fn failing(name: &'static str, after: Duration) -> Task {
    Task::new(name, move |_| async move {
        sleep(after).await;
        Err(BoxError::from("out of luck"))
    })
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn m1_support_starts_first_and_ends_last() {
    let log = Log::default();
    let manager = manager().add(polite("leader", Group::Leader, SECOND, &log)).add(polite(
        "support",
        Group::Support,
        Duration::ZERO,
        &log,
    ));
    manager.run_until(sleep(SECOND)).await.unwrap();
    assert_eq!(*log.lock(), ["support starts", "leader starts", "leader ends", "support ends"]);
}

#[tokio::test(start_paused = true)]
async fn m2_the_first_failure_stops_the_others_in_order_and_is_returned_with_its_name() {
    let log = Log::default();
    let start = Instant::now();
    let manager =
        manager().add(polite("other", Group::Leader, SECOND, &log)).add(failing("unlucky", 3 * SECOND));
    let error = manager.run_until(std::future::pending()).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { name, .. } if name == "unlucky"), "{error:?}");
    assert_eq!(crate::controller::chain(&error), "cannot go on: unlucky failed: out of luck");
    assert_eq!(log.lock().last().unwrap(), "other ends");
    assert_eq!(start.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn m2_failures_while_stopping_are_returned_together() {
    let late = Task::new("late", |context: RunContext| async move {
        context.shutdown.requested().await;
        Err(BoxError::from("could not tidy up"))
    });
    let error = manager().add(failing("first", SECOND)).add(late).run_until(std::future::pending()).await;
    let Err(Error::Several { errors }) = error else { panic!("{error:?}") };
    let names: Vec<_> = errors
        .iter()
        .map(|error| match error {
            Error::Failed { name, .. } => name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["first", "late"]);
}

#[tokio::test(start_paused = true)]
async fn m2_a_panic_is_a_failure() {
    let task = Task::new("jumpy", |_| async { if true { panic!("boo") } else { Ok::<_, BoxError>(()) } });
    let error = manager().add(task).run_until(std::future::pending()).await.unwrap_err();
    assert!(matches!(&error, Error::Panicked { name, message } if name == "jumpy" && message == "boo"));
}

#[tokio::test(start_paused = true)]
async fn m3_what_exceeds_the_grace_period_is_cut_off_and_named() {
    for (grace, expected) in [(0, 0), (5, 5)] {
        let start = Instant::now();
        let (alive, gone) = oneshot::channel::<()>();
        let deaf = Task::new("deaf", move |_| async move {
            let _alive = alive;
            std::future::pending::<Result<(), BoxError>>().await
        });
        let log = Log::default();
        let manager = manager()
            .add(deaf)
            .add(polite("polite", Group::Leader, Duration::ZERO, &log))
            .grace_period(Duration::from_secs(grace));
        let error = manager.run_until(sleep(SECOND)).await.unwrap_err();
        let Error::NotStopped { names, .. } = &error else { panic!("{error:?}") };
        assert!(names.contains(&"deaf".to_owned()), "{names:?}");
        assert_eq!(start.elapsed().as_secs(), 1 + expected);
        assert!(timeout(SECOND, gone).await.expect("M8: dropped").is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn m3_an_endless_grace_period_waits() {
    let log = Log::default();
    let start = Instant::now();
    let slow = polite("slow", Group::Leader, 100_000 * SECOND, &log);
    manager().add(slow).grace_period(Duration::MAX).run_until(sleep(SECOND)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 100_001);
}

#[tokio::test(start_paused = true)]
async fn m8_dropping_a_run_ends_everything_it_started() {
    let (alive, gone) = oneshot::channel::<()>();
    let task = Task::new("task", move |_| async move {
        let _alive = alive;
        std::future::pending::<Result<(), BoxError>>().await
    });
    let run = manager().add(task).run_until(std::future::pending());
    assert!(timeout(SECOND, run).await.is_err());
    assert!(timeout(SECOND, gone).await.expect("the task is dropped").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_name_may_be_used_once() {
    let twice = manager().add(failing("same", SECOND)).add(failing("same", SECOND));
    let error = twice.run_until(std::future::pending()).await.unwrap_err();
    assert!(matches!(error, Error::DuplicateName { name } if name == "same"));
}

async fn respond(endpoints: &Endpoints, method: Method, path: &str) -> http::Response<Full<Bytes>> {
    let (parts, ()) = http::Request::builder().method(method).uri(path).body(()).unwrap().into_parts();
    endpoints.respond(Pages::All, [127, 0, 0, 1].into(), &parts).await
}

async fn body_of(endpoints: &Endpoints, path: &str) -> (u16, String) {
    let response = respond(endpoints, Method::GET, path).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// What a manager shows that has nothing in it.
pub(super) fn endpoints() -> Endpoints {
    Endpoints {
        metrics: Metrics::new(),
        health: super::health::Health {
            readiness: Readiness::default(),
            liveness: Liveness::default(),
            informers: Informers::new(client(), environment(), Metrics::new()),
            leadership: crate::Leadership::without_election(),
            reach: std::sync::Arc::default(),
        },
        letters: super::letters::Letters {
            letters: crate::DeadLetters::new(std::sync::Arc::new(crate::MemoryLedger::new())),
            is_open: false,
        },
        gate: super::access::Gate::new(MetricsAccess::Loopback, &client()),
    }
}

#[tokio::test(start_paused = true)]
async fn readyz_names_what_is_not_ready() {
    let endpoints = endpoints();
    let readiness = endpoints.health.readiness.clone();
    readiness.ready("jobs");
    assert_eq!(body_of(&endpoints, "/readyz").await, (200, "[+] API server ok\n[+] jobs ok\nready\n".into()));
    readiness.not_ready("pods", "too early");
    let (status, body) = body_of(&endpoints, "/readyz").await;
    assert_eq!(
        (status, &*body),
        (503, "[+] API server ok\n[+] jobs ok\n[-] pods not ready: too early\nnot ready\n")
    );
    let _nodes = endpoints.health.informers.informer_of::<k8s_openapi::api::core::v1::Node>();
    let (_, body) = body_of(&endpoints, "/readyz").await;
    assert!(body.contains("[-] cache of nodes/v1 not ready"), "{body}");
    for path in ["/healthz", "/livez"] {
        assert_eq!(body_of(&endpoints, path).await, (200, "ok\n".into()));
        let (_, body) = body_of(&endpoints, &format!("{path}?verbose")).await;
        assert_eq!(body, "[+] leader election ok\n[+] informer of nodes/v1 ok\nok\n");
    }
    assert_eq!(body_of(&endpoints, "/other").await.0, 404);
    assert_eq!(respond(&endpoints, Method::POST, "/healthz").await.status(), 405);
}

#[tokio::test]
async fn the_endpoints_are_served_over_http_on_the_address_reported() {
    let (report, reported) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let metrics = Metrics::new();
    metrics.gauge("answer", "The answer").with(&[]).set(42);
    let manager =
        manager().metrics(metrics).serve_metrics(([127, 0, 0, 1], 0)).on_listening(move |address| {
            let _ = report.send(address);
        });
    let run = environment().spawn("manager", manager.run_until(async { drop(stopped.await) }));
    let address = reported.await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\nanswer{} 42\n"), "{answer}");
    stop.send(()).unwrap();
    run.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "M8: nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn r21_a_cache_that_fails_ends_the_manager_with_its_error() {
    let (feed, watch) = stream();
    feed.event("ADDED", &object("a", 8));
    let script = Script::of([list(7, "", &[]), watch]);
    let log = Log::default();
    let manager = Manager::new("test").client(script.client()).environment(environment());
    let manager = manager.add(polite("worker", Group::Leader, SECOND, &log)).add(Task::new(
        "reader",
        |context: RunContext| async move {
            let informer = context.informers.informer_of::<ConfigMap>();
            let _bomb = crate::cache::fixture::bomb(&informer);
            context.shutdown.requested().await;
            Ok::<_, BoxError>(())
        },
    ));
    let error = timeout(SECOND * 5, manager.run_until(std::future::pending())).await.unwrap().unwrap_err();
    assert_eq!(error.reason(), "CacheFailed");
    let said = crate::controller::chain(&error);
    assert!(said.contains("configmaps/v1") && said.contains("out of order"), "{said}");
    assert_eq!(*log.lock(), ["worker starts", "worker ends"]);
}
