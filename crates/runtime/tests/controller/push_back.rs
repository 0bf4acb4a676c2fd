//! What an API server that pushes back does to the number of workers.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use pilothouse::{
    Action, BoxError, Client, ClientOptions, Context, Controller, ObjectExt, Patch, ReconcileError,
    Reconciler, Retry, Workers,
};
use serde_json::json;
use tokio::time::sleep;
use tower::Service;

use crate::faults::Faults;
use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(500);
const ACTIVE: &str = "controller_runtime_active_workers{controller=\"configmap\"}";
const LIMIT: &str = "pilothouse_controller_worker_limit{controller=\"configmap\"}";
const CUTS: &str = "pilothouse_controller_worker_limit_cuts_total{controller=\"configmap\"}";

/// A server that takes [`LATENCY`] for a patch and refuses those beyond its capacity at once.
#[derive(Clone)]
struct Narrow {
    inner: Faults,
    code: u16,
    capacity: Arc<AtomicUsize>,
    in_flight: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Service<Request<Body>> for Narrow {
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut this = self.clone();
        Box::pin(async move {
            if request.method() == Method::PATCH {
                if this.in_flight.load(Ordering::Relaxed) >= this.capacity.load(Ordering::Relaxed) {
                    this.refused.fetch_add(1, Ordering::Relaxed);
                    let body = json!({"kind": "Status", "apiVersion": "v1", "code": this.code}).to_string();
                    let body = Full::from(body).map_err(|never| match never {}).boxed_unsync();
                    return Ok(Response::builder().status(this.code).body(body)?);
                }
                this.in_flight.fetch_add(1, Ordering::Relaxed);
                sleep(LATENCY).await;
                this.in_flight.fetch_sub(1, Ordering::Relaxed);
                this.served.fetch_add(1, Ordering::Relaxed);
            }
            let answer = this.inner.call(request).await?;
            Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
        })
    }
}

/// A world whose server refuses so; the client repeats nothing.
fn narrow(code: u16, capacity: usize) -> (World, Narrow) {
    let world = World::new();
    let server = Narrow {
        inner: Faults::of(world.server.clone()),
        code,
        capacity: Arc::new(AtomicUsize::new(capacity)),
        in_flight: Arc::default(),
        served: Arc::default(),
        refused: Arc::default(),
    };
    let options = ClientOptions { attempts: 1, ..ClientOptions::unlimited() };
    let inner = kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, options, &world.environment, &world.metrics);
    (World { client, ..world }, server)
}

async fn create(world: &World, count: usize) {
    for number in 0..count {
        world.create(&format!("{number}"), "").await;
    }
}

/// Patches each object again and again. Notes nothing: it is called often.
struct Patching;

impl Reconciler for Patching {
    type Object = ConfigMap;

    async fn reconcile(
        &self,
        map: Arc<ConfigMap>,
        context: &Context<ConfigMap>,
    ) -> Result<Action, ReconcileError> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"seen": "yes"}}}));
        context.client().patch::<ConfigMap>(&map.key(), &patch).await?;
        Ok(Action::again_in(Duration::ZERO))
    }
}

/// Works for half a second, again and again, without a request.
fn busy(world: &World) -> Scripted {
    Scripted::new(world, |_, _, _| {
        Box::pin(async {
            sleep(SECOND / 2).await;
            Ok(Action::again_in(Duration::ZERO))
        })
    })
}

/// A request that the server refuses.
async fn refused(world: &World) -> u16 {
    let sent = world.client.patch::<ConfigMap>(&key("0"), &Patch::Merge(json!({}))).await;
    sent.unwrap_err().status().unwrap().code
}

#[tokio::test(start_paused = true)]
async fn a2_push_back_halves_the_workers_at_work_at_once_and_each_quiet_second_brings_one_back() {
    for code in [429, 503] {
        let (world, server) = narrow(code, 0);
        create(&world, 12).await;
        let run = world.run(world.manager().controller(Controller::of().workers(2..=16), busy(&world)));
        sleep(3 * SECOND + SECOND / 4).await;
        assert_eq!((world.count(ACTIVE), world.count(LIMIT)), (12, 16), "one for each key");
        // Any request of the client will do, also one that is not the controller's.
        assert_eq!(refused(&world).await, code);
        sleep(SECOND / 2).await;
        assert_eq!((world.count(ACTIVE), world.count(LIMIT)), (6, 6), "half of those at work");
        for more in 1..=6 {
            sleep(SECOND).await;
            assert_eq!((world.count(ACTIVE), world.count(LIMIT)), (6 + more, 6 + more));
        }
        sleep(10 * SECOND).await;
        assert_eq!((world.count(ACTIVE), world.count(LIMIT), world.count(CUTS)), (12, 16, 1));
        assert_eq!(server.refused.load(Ordering::Relaxed), 1);
        run.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a2_idle_workers_beyond_the_limit_leave_at_once_and_the_least_stay() {
    let (world, _server) = narrow(429, 0);
    create(&world, 8).await;
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(SECOND).await;
            Ok(Action::done())
        })
    });
    let workers = "pilothouse_controller_workers{controller=\"configmap\"}";
    let run = world.run(world.manager().controller(Controller::of().workers(3..=8), scripted));
    sleep(2 * SECOND).await;
    assert_eq!((world.count(ACTIVE), world.count(workers)), (0, 8), "idle, not yet for ten seconds");
    assert_eq!(refused(&world).await, 429);
    sleep(SECOND / 2).await;
    assert_eq!((world.count(LIMIT), world.count(workers)), (3, 3));
    run.stop().await.unwrap();
}

/// Runs patching workers for two minutes of which the last hundred seconds count: share of refusals in percent,
/// of what the server can do in percent, the limits seen, and how often it was cut.
async fn overload(workers: impl Into<Workers>) -> (usize, usize, Vec<u64>, u64) {
    let (world, server) = narrow(429, 10);
    create(&world, 60).await;
    let retry = Retry::exponential().starting_at(SECOND / 2).at_most(SECOND / 2);
    let controller = Controller::of().workers(workers).retry(retry);
    let run = world.run(world.manager().controller(controller, Patching));
    sleep(20 * SECOND).await;
    let counts = || (server.served.load(Ordering::Relaxed), server.refused.load(Ordering::Relaxed));
    let (before, cuts) = (counts(), world.count(CUTS));
    let mut limits = Vec::new();
    for _ in 0..200 {
        limits.push(world.count(LIMIT));
        sleep(SECOND / 2).await;
    }
    let (served, refused) = (counts().0 - before.0, counts().1 - before.1);
    let cuts = world.count(CUTS) - cuts;
    run.stop().await.unwrap();
    (refused * 100 / (served + refused), served / 20, limits, cuts)
}

#[tokio::test(start_paused = true)]
async fn a2_under_lasting_overload_the_workers_settle_around_what_the_server_bears() {
    let (refused, used, limits, cuts) = overload(1..=40).await;
    let (least, most) = (*limits.iter().min().unwrap(), *limits.iter().max().unwrap());
    assert!((5..=12).contains(&least) && (8..=12).contains(&most), "the server bears 10: {least} to {most}");
    assert!(used >= 75, "of 20 patches per second that the server can do, {used} %");
    assert!(refused <= 1, "{refused} % refused");
    assert!((8..=25).contains(&cuts), "a cut each four seconds or more: {cuts}");
    let (refused, _, limits, cuts) = overload(40).await;
    assert!(
        refused > 50 && cuts == 0 && limits.iter().all(|limit| *limit == 40),
        "fixed is fixed: {refused} %"
    );
}
