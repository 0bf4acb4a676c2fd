//! Calls of what is not Kubernetes: circuit breakers and bulkheads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::dependency::{BreakerOptions, BreakerState, CallError, Dependency};
use pilothouse::{Action, Context, Controller, ReconcileError, Retry};
use tokio::time::{Instant, sleep};

use crate::world::{Scripted, World, value};

const SECOND: Duration = Duration::from_secs(1);
const ERRORS: &str = "controller_runtime_reconcile_errors_total{controller=\"configmap\"}";
const POSTPONED: &str = "pilothouse_reconcile_postponed_total{controller=\"configmap\"}";
const WAITING: &str = "pilothouse_dependency_postponed{dependency=\"billing\"}";

/// A service that works or not, and says how it was used.
#[derive(Clone, Default)]
struct Service {
    is_down: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    in_flight: Arc<AtomicUsize>,
    /// When each call began, and how many were in flight then.
    calls: Arc<Mutex<Vec<(Instant, usize)>>>,
    names: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn call(self, name: String) -> Result<(), io::Error> {
        self.names.lock().push(name);
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.calls.lock().push((Instant::now(), in_flight));
        let _landing = Landing(Arc::clone(&self.in_flight));
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        sleep(SECOND).await;
        if self.is_down.load(Ordering::Relaxed) { Err(io::Error::other("down")) } else { Ok(()) }
    }

    fn count(&self) -> usize {
        self.calls.lock().len()
    }

    /// How many seconds after `start` each call began.
    fn times(&self, start: Instant) -> Vec<u64> {
        self.calls.lock().iter().map(|(at, _)| (*at - start).as_secs()).collect()
    }

    /// The most that were in flight among the calls from the n-th on.
    fn most_in_flight(&self, from: usize) -> usize {
        self.calls.lock()[from..].iter().map(|(_, in_flight)| *in_flight).max().unwrap_or_default()
    }
}

struct Landing(Arc<AtomicUsize>);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn billing() -> Dependency {
    let options = BreakerOptions { minimum_calls: 4, ..BreakerOptions::default() };
    Dependency::named("billing").breaker(options)
}

/// Calls the service for each object, except for those with the value `free`.
fn calling(world: &World, dependency: &Dependency, service: &Service) -> Scripted {
    let (dependency, service) = (dependency.clone(), service.clone());
    Scripted::new(world, move |map, _, context| {
        let (is_free, name) = (value(map) == "free", map.metadata.name.clone().unwrap_or_default());
        let (dependency, service) = (dependency.clone(), service.clone());
        async move {
            if !is_free {
                context.call(&dependency, service.call(name)).await?;
            }
            Ok(Action::done())
        }
        .boxed()
    })
}

async fn create(world: &World, count: usize) {
    for number in 0..count {
        world.create(&format!("{number:03}"), "").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a7_while_the_breaker_is_open_objects_wait_without_attempts_calls_or_workers_and_probes_decide() {
    let world = World::new();
    create(&world, 20).await;
    let (dependency, service) = (billing(), Service::default());
    service.is_down.store(true, Ordering::Relaxed);
    let scripted = calling(&world, &dependency, &service);
    // The next failure of an object that failed once would park it.
    let retry = Retry::exponential().starting_at(100 * SECOND).give_up_after(2);
    let run =
        world.run(world.manager().controller(Controller::of().workers(2).retry(retry), scripted.clone()));
    let start = Instant::now();
    sleep(8 * SECOND).await;
    assert_eq!(dependency.state(), BreakerState::Open);
    assert_eq!(service.count(), 5, "four failures open it, and one call was on its way");
    assert_eq!((world.count(ERRORS), world.count(POSTPONED), world.count(WAITING)), (5, 15, 15));
    world.create("free", "free").await;
    world.set("010", "free").await;
    sleep(SECOND / 10).await;
    assert_eq!(scripted.times("free").len(), 1, "workers are free for what does not need the dependency");
    assert_eq!(scripted.times("010").len(), 2, "a change is seen to although the object waits");
    sleep(52 * SECOND).await;
    let times = service.times(start);
    assert_eq!(times[..5], [0, 0, 1, 1, 2]);
    let probes = &times[5..];
    assert!(matches!(probes, [12 | 13, 33..=37]), "after 10 s and 20 s, one call each: {times:?}");
    assert_eq!(service.most_in_flight(5), 1);
    service.is_down.store(false, Ordering::Relaxed);
    sleep(300 * SECOND).await;
    assert_eq!(dependency.state(), BreakerState::Closed);
    let done = world.count("controller_runtime_reconcile_total{controller=\"configmap\",result=\"success\"}");
    assert_eq!((done, world.count(WAITING)), (22, 0), "each object once, two of them twice without a call");
    // Five at first and two probes; nobody else has failed, nobody was parked.
    assert_eq!(world.count(ERRORS), 7);
    assert_eq!(service.count(), 7 + 19, "one call for each object but the one that needs none any more");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a7_when_the_breaker_closes_those_who_waited_come_back_in_order_and_not_all_at_once() {
    let world = World::new();
    for number in 0..4 {
        world.create(&format!("early-{number}"), "").await;
    }
    let (dependency, service) = (billing(), Service::default());
    service.is_down.store(true, Ordering::Relaxed);
    let scripted = calling(&world, &dependency, &service);
    let retry = Retry::exponential().starting_at(1000 * SECOND);
    let run = world.run(world.manager().controller(Controller::of().workers(200).retry(retry), scripted));
    sleep(2 * SECOND).await;
    assert_eq!((service.count(), dependency.state()), (4, BreakerState::Open));
    create(&world, 150).await;
    sleep(SECOND).await;
    assert_eq!((service.count(), world.count(WAITING)), (4, 150));
    service.is_down.store(false, Ordering::Relaxed);
    sleep(30 * SECOND).await;
    assert_eq!((service.count(), world.count(WAITING)), (154, 0));
    let times = service.times(world.start);
    let per_second: Vec<usize> =
        (times[4]..=times[153]).map(|second| times.iter().filter(|at| **at == second).count()).collect();
    assert_eq!(per_second[0], 1, "the probe");
    let grows = |pair: &[usize]| pair[1] <= 2 * pair[0] + 1;
    assert!(per_second.windows(2).all(grows), "twice as many each second, and one by itself: {per_second:?}");
    assert!(per_second.len() <= 9, "150 are soon served: {per_second:?}");
    let mut first: Vec<String> = service.names.lock()[4..24].to_vec();
    first.sort();
    assert_eq!(first, (0..20).map(|number| format!("{number:03}")).collect::<Vec<_>>(), "who waited longest");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a7_a_bulkhead_bounds_the_calls_in_flight_and_those_without_a_place_hold_no_worker() {
    for wait in [Duration::ZERO, SECOND / 2] {
        let world = World::new();
        create(&world, 12).await;
        let dependency = Dependency::named("billing").at_most(2).wait_at_most(wait);
        let service = Service::default();
        let scripted = calling(&world, &dependency, &service);
        let run = world.run(world.manager().controller(Controller::of().workers(4), scripted.clone()));
        sleep(SECOND / 10).await;
        world.create("free", "free").await;
        sleep(SECOND * 6 / 10).await;
        assert_eq!(scripted.times("free").len(), 1, "served while the bulkhead is full and many wait");
        sleep(8 * SECOND).await;
        assert_eq!((service.count(), service.most_in_flight(0)), (12, 2));
        let last = service.calls.lock().last().unwrap().0 - world.start;
        assert!(
            last <= 6 * SECOND,
            "places do not stay empty: two calls a second, the last began after {last:?}"
        );
        assert_eq!((world.count(ERRORS), world.count(WAITING)), (0, 0));
        run.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a7_a_call_that_hangs_counts_as_failed_and_a_probe_that_hangs_reopens_the_breaker() {
    for limit in [None, Some(20 * SECOND)] {
        let world = World::new();
        create(&world, 12).await;
        let dependency = limit.map_or_else(billing, |limit| {
            let options = BreakerOptions { minimum_calls: 4, ..BreakerOptions::default() };
            Dependency::named("billing").timeout(limit).breaker(options)
        });
        let service = Service::default();
        service.hangs.store(true, Ordering::Relaxed);
        let scripted = calling(&world, &dependency, &service);
        // Without a limit of the dependency's own, the reconcile's does it.
        let timeout = limit.map_or(20 * SECOND, |limit| 2 * limit);
        let retry = Retry::exponential().starting_at(1000 * SECOND);
        let controller = Controller::of().workers(4).timeout(timeout).retry(retry);
        let run = world.run(world.manager().controller(controller, scripted));
        sleep(21 * SECOND).await;
        assert_eq!((service.count(), dependency.state()), (7, BreakerState::Open));
        sleep(20 * SECOND).await;
        assert_eq!((service.count(), dependency.state()), (8, BreakerState::HalfOpen), "the probe hangs");
        service.hangs.store(false, Ordering::Relaxed);
        sleep(15 * SECOND).await;
        assert_eq!((service.count(), dependency.state()), (8, BreakerState::Open));
        let outcome = if limit.is_some() { "timeout" } else { "cut_off" };
        let calls = |outcome| {
            world.count(&format!(
                "pilothouse_dependency_calls_total{{dependency=\"billing\",outcome=\"{outcome}\"}}"
            ))
        };
        assert_eq!(calls(outcome), 8);
        sleep(20 * SECOND).await;
        assert_eq!(dependency.state(), BreakerState::Closed);
        assert!(calls("success") >= 1);
        run.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a7_failures_that_do_not_speak_against_the_dependency_open_nothing_and_stay_errors() {
    let world = World::new();
    create(&world, 20).await;
    let dependency = billing();
    let used = dependency.clone();
    let scripted = Scripted::new(&world, move |_, _, context: &Context<ConfigMap>| {
        let dependency = used.clone();
        async move {
            let refusal = async { Err::<(), _>(ReconcileError::terminal("NoSuchPlan", "no such plan")) };
            let answer = context.call_blaming(&dependency, |error| !error.is_terminal(), refusal).await;
            assert!(matches!(answer, Err(CallError::Failed { .. })));
            Ok(answer.map(|()| Action::done())?)
        }
        .boxed()
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted));
    sleep(SECOND).await;
    assert_eq!(dependency.state(), BreakerState::Closed);
    let terminal = "controller_runtime_terminal_reconcile_errors_total{controller=\"configmap\"}";
    assert_eq!(world.count(terminal), 20, "the error comes out as it went in");
    run.stop().await.unwrap();
}
