//! What happens after a reconcile.

use std::time::Duration;

use pilothouse::{Action, Controller, ReconcileError, Retry};
use tokio::time::sleep;

use crate::world::{Scripted, World, value};

const SECOND: Duration = Duration::from_secs(1);

fn failed() -> Result<Action, ReconcileError> {
    Err(ReconcileError::retryable("not yet"))
}

/// The differences between successive times.
fn gaps(times: &[u128]) -> Vec<u128> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Whether each gap is the delay expected, or up to two milliseconds (the timer's grain) later.
fn assert_gaps(times: &[u128], expected: &[u128]) {
    let gaps = gaps(times);
    let close = gaps.iter().zip(expected).all(|(gap, expected)| (*expected..=expected + 2).contains(gap));
    assert!(gaps.len() == expected.len() && close, "{gaps:?} is not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn c1_an_error_is_retried_with_growing_delays_while_other_keys_continue() {
    let world = World::new();
    world.create("bad", "").await;
    world.create("good", "").await;
    let scripted = Scripted::new(&world, |map, count, _| {
        let fails = map.metadata.name.as_deref() == Some("bad") && count < 4;
        Box::pin(async move { if fails { failed() } else { Ok(Action::done()) } })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(60 * SECOND).await;
    assert_gaps(&scripted.times("bad"), &[5, 10, 20, 40]);
    assert_eq!(scripted.times("good").len(), 1);
    let total = |result| {
        world.count(&format!(
            "controller_runtime_reconcile_total{{controller=\"configmap\",result=\"{result}\"}}"
        ))
    };
    assert_eq!((total("error"), total("success")), (4, 2));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c1_only_a_success_starts_the_delays_over() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| {
        Box::pin(async move { if matches!(count, 0 | 1 | 3) { failed() } else { Ok(Action::done()) } })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    assert_gaps(&scripted.times("a"), &[5, 10]);
    world.set("a", "again").await;
    sleep(SECOND).await;
    assert_gaps(&scripted.times("a")[3..], &[5]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c2_a_terminal_error_is_counted_and_not_retried_until_something_changes() {
    let world = World::new();
    world.create("a", "bad").await;
    let scripted = Scripted::new(&world, |map, _, _| {
        let bad = value(map) == "bad";
        let error = || ReconcileError::terminal("BadValue", "the value is bad");
        Box::pin(async move { if bad { Err(error()) } else { Ok(Action::done()) } })
    });
    let run = world.run(world.manager().controller(Controller::of().named("judge"), scripted.clone()));
    sleep(10_000 * SECOND).await;
    assert_eq!(scripted.times("a").len(), 1);
    assert_eq!(world.count("controller_runtime_terminal_reconcile_errors_total{controller=\"judge\"}"), 1);
    assert_eq!(world.count("controller_runtime_reconcile_errors_total{controller=\"judge\"}"), 1);
    world.set("a", "good").await;
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 2);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c3_again_in_is_one_delayed_reconcile_and_clears_the_failures() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| {
        Box::pin(async move {
            match count {
                0 | 1 | 3 => failed(),
                2 => Ok(Action::again_in(10 * SECOND)),
                _ => Ok(Action::done()),
            }
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(3600 * SECOND).await;
    assert_gaps(&scripted.times("a"), &[5, 10, 10_000, 5]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c5_a_panic_is_an_error_counted_and_the_worker_goes_on() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| {
        Box::pin(async move { if count == 0 { panic!("boo") } else { Ok(Action::done()) } })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    assert_gaps(&scripted.times("a"), &[5]);
    assert_eq!(world.count("controller_runtime_reconcile_panics_total{controller=\"configmap\"}"), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c6_a_reconcile_that_takes_too_long_is_dropped_counted_once_and_retried() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| {
        Box::pin(async move {
            if count == 0 {
                sleep(100_000 * SECOND).await;
            }
            Ok(Action::done())
        })
    });
    let builder = Controller::of().timeout(3 * SECOND);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(60 * SECOND).await;
    assert_gaps(&scripted.times("a"), &[3005]);
    assert_eq!(world.count("controller_runtime_reconcile_timeouts_total{controller=\"configmap\"}"), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn d1_the_retry_policy_of_the_builder_decides_the_delays() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, _| {
        Box::pin(async move { if count < 4 { failed() } else { Ok(Action::done()) } })
    });
    let retry = Retry::exponential().starting_at(SECOND).at_most(3 * SECOND);
    let run = world.run(world.manager().controller(Controller::of().retry(retry), scripted.clone()));
    sleep(60 * SECOND).await;
    assert_gaps(&scripted.times("a"), &[1000, 2000, 3000, 3000]);
    run.stop().await.unwrap();
}
