//! How many workers a controller has.

use std::time::Duration;

use pilothouse::{Action, Controller};
use tokio::time::sleep;

use crate::world::{Scripted, World};

const SECOND: Duration = Duration::from_secs(1);
const WORKERS: &str = "pilothouse_controller_workers{controller=\"configmap\"}";

#[tokio::test(start_paused = true)]
async fn a1_workers_grow_while_all_are_busy_and_shrink_to_the_least_when_idle() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(30 * SECOND).await;
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of().workers(1..=3), scripted.clone()));
    sleep(SECOND).await;
    assert_eq!((scripted.names().len(), world.count(WORKERS)), (1, 1));
    for name in ["b", "c", "d"] {
        world.create(name, "").await;
        sleep(SECOND).await;
    }
    assert_eq!(
        scripted.names(),
        ["a", "b", "c"],
        "new keys find a worker although all were busy, up to the most"
    );
    assert_eq!(world.count(WORKERS), 3);
    sleep(31 * SECOND).await;
    assert_eq!(scripted.names().len(), 4);
    sleep(60 * SECOND).await;
    assert_eq!(world.count(WORKERS), 1);
    world.set("a", "again").await;
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 2, "the one that stayed works");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a1_a_new_key_finds_a_worker_after_the_idle_ones_have_left_and_all_others_are_busy() {
    let world = World::new();
    world.create("long", "").await;
    let scripted = Scripted::new(&world, |map, _, _| {
        let time = if map.metadata.name.as_deref() == Some("long") { 1000 * SECOND } else { SECOND };
        Box::pin(async move {
            sleep(time).await;
            Ok(Action::done())
        })
    });
    let controller = Controller::of().workers(1..=3).timeout(10_000 * SECOND);
    let run = world.run(world.manager().controller(controller, scripted.clone()));
    sleep(SECOND).await;
    world.create("short", "").await;
    sleep(30 * SECOND).await;
    assert_eq!(world.count(WORKERS), 1, "the second one has come and gone");
    world.create("new", "").await;
    sleep(SECOND / 2).await;
    assert_eq!(scripted.names(), ["long", "short", "new"]);
    drop(run);
}

#[tokio::test(start_paused = true)]
async fn a1_a_fixed_number_of_workers_stays() {
    let world = World::new();
    for number in 0..5 {
        world.create(&format!("{number}"), "").await;
    }
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(SECOND).await;
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of().workers(2), scripted.clone()));
    sleep(Duration::from_millis(500)).await;
    assert_eq!((scripted.names().len(), world.count(WORKERS)), (2, 2));
    sleep(60 * SECOND).await;
    assert_eq!((scripted.names().len(), world.count(WORKERS)), (5, 2));
    run.stop().await.unwrap();
}
