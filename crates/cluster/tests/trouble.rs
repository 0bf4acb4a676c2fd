//! Outages, lost watches and repeatability.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its steps fail")]

mod support;

use std::time::Duration;

use pilothouse_cluster::ClusterOptions;
use serde_json::json;
use support::{World, reason};

#[tokio::test(start_paused = true)]
async fn jobs_survive_outages_and_lost_watches_without_a_pod_too_many() {
    let world = World::start(ClusterOptions::default());
    world.create_job("tough", json!({"parallelism": 2, "completions": 6}), &[("run-seconds", "4")]).await;
    for round in 0..200 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        match round % 5 {
            1 => world.server.drop_watches(),
            3 => {
                world.server.set_available(false);
                tokio::time::sleep(Duration::from_millis(900)).await;
                world.server.set_available(true);
            }
            _ => {}
        }
        if reason(&world.job("tough").await, "Complete").is_some() {
            break;
        }
    }
    let status = world.until_condition("tough", "Complete").await.status.unwrap();
    assert_eq!((status.succeeded, status.failed, world.pods().await.len()), (Some(6), None, 6));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_nothing_to_do_asks_for_types_and_nothing_else() {
    let world = World::start(ClusterOptions::default());
    world.create_job("done", json!({}), &[("run-seconds", "1")]).await;
    world.create_job("doomed", json!({"backoffLimit": 0}), &[("image-error", "true")]).await;
    world.until_condition("done", "Complete").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.server.clear_request_log();
    tokio::time::sleep(Duration::from_mins(2)).await;
    let requests = world.server.request_log();
    let is_discovery =
        |path: &str| path == "/api/v1" || (path.starts_with("/apis") && path.matches('/').count() <= 3);
    let others: Vec<_> = requests
        .iter()
        .filter(|request| request.verb != "watch" && !is_discovery(&request.path))
        .map(|request| format!("{} {}", request.verb, request.path))
        .collect();
    assert_eq!(others, Vec::<String>::new());
    assert!(!requests.is_empty(), "types are looked for again");
}

async fn course_of_events() -> Vec<String> {
    let world = World::start(ClusterOptions::default());
    world.create_job("one", json!({"parallelism": 2, "completions": 4}), &[]).await;
    world.create_job("two", json!({"backoffLimit": 1}), &[("exit-code", "1")]).await;
    world.until_condition("one", "Complete").await;
    world.until_condition("two", "Failed").await;
    world.server.request_log().iter().map(|request| format!("{request:?}")).collect()
}

/// A runtime of its own: another's history would decide the order of tasks.
fn run() -> Vec<String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(course_of_events())
}

#[test]
fn the_same_seed_gives_the_same_course_of_events() {
    let (one, two) = (run(), run());
    let difference = one.iter().zip(&two).position(|(one, two)| one != two);
    let place = difference.map(|place| (place, &one[place], &two[place]));
    assert_eq!(place, None);
    assert_eq!(one.len(), two.len());
}
