//! A controller reads its own writes.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::controller::predicate;
use pilothouse::{Action, Controller, DeleteOptions, Patch};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Scripted, World, key, value};

const SECOND: Duration = Duration::from_secs(1);

/// Counts its own reconciles in the object; each wants the next one soon.
fn counting(world: &World) -> Scripted {
    Scripted::new(world, |map, count, context| {
        Box::pin(async move {
            let next = value(map).parse::<u64>().unwrap_or(0) + 1;
            if count < 3 {
                let patch = Patch::Merge(json!({"data": {"value": next.to_string()}}));
                context.patch::<ConfigMap>(context.key(), &patch).await?;
            }
            Ok(Action::again_in(Duration::from_millis(10)))
        })
    })
}

#[tokio::test(start_paused = true)]
async fn w1_every_own_write_is_seen_by_the_next_reconcile_however_slow_the_watch_is() {
    let world = World::new();
    *world.watch_delay.lock() = 2 * SECOND;
    world.create("a", "0").await;
    let scripted = counting(&world);
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(60 * SECOND).await;
    let values: Vec<_> = scripted.values("a").into_iter().flatten().collect();
    assert_eq!(values[..4], ["0", "1", "2", "3"]);
    assert_eq!(world.count("pilothouse_reconcile_live_reads_total{controller=\"configmap\"}"), 0);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w1_a_write_to_an_owned_object_is_waited_for_as_well() {
    let world = World::new();
    *world.watch_delay.lock() = 2 * SECOND;
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, context| {
        Box::pin(async move {
            let secrets = context.lister::<Secret>();
            if secrets.list()?.is_empty() {
                let mut secret = Secret::default();
                secret.metadata.generate_name = Some("made-".into());
                context.create(secret).await?;
            }
            Ok(Action::again_in(Duration::from_millis(10)))
        })
    });
    let builder = Controller::of().owns::<Secret>();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(30 * SECOND).await;
    let secrets = world.client.list::<Secret>(None, &Default::default()).await.unwrap();
    assert_eq!(secrets.len(), 1, "the stale cache did not lead to a second one");
    let owner = &secrets[0].metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((&*owner.name, &*owner.kind, owner.controller), ("a", "ConfigMap", Some(true)));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w1_a_deletion_of_an_owned_object_is_waited_for_as_well() {
    let world = World::new();
    let owner = world.create("a", "").await;
    let mut secret = Secret::default();
    secret.metadata.name = Some("owned".into());
    secret.metadata.namespace = Some("default".into());
    secret.metadata.owner_references = Some(vec![pilothouse::ObjectExt::owner_reference(&owner)]);
    world.client.create(&secret).await.unwrap();
    let scripted = Scripted::new(&world, |_, _, context| {
        Box::pin(async move {
            for secret in context.lister::<Secret>().list()? {
                context.delete(&*secret, DeleteOptions::default()).await?;
            }
            Ok(Action::again_in(Duration::from_millis(10)))
        })
    });
    *world.watch_delay.lock() = 2 * SECOND;
    let builder = Controller::of().owns::<Secret>();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(30 * SECOND).await;
    let deletions = world.server.request_log().into_iter().filter(|request| request.verb == "delete");
    assert_eq!(deletions.count(), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w1_an_event_that_a_predicate_hides_still_ends_the_wait() {
    let world = World::new();
    *world.watch_delay.lock() = 2 * SECOND;
    world.create("a", "0").await;
    let scripted = counting(&world);
    let builder = Controller::of().predicate(predicate::labels_changed);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(4 * SECOND).await;
    assert_eq!(scripted.values("a")[..2], [Some("0".to_owned()), Some("1".to_owned())]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w2_a_key_that_waits_holds_no_worker_and_is_counted() {
    let world = World::new();
    *world.watch_delay.lock() = 3 * SECOND;
    world.create("a", "0").await;
    let scripted = counting(&world);
    let builder = Controller::of().workers(1);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(scripted.times("a").len(), 1, "the second is put aside");
    let labels = "{controller=\"configmap\"}";
    assert!(world.metric(&format!("pilothouse_reconcile_put_aside_total{labels}")) >= 1.0);
    assert_eq!(world.count(&format!("controller_runtime_active_workers{labels}")), 0);
    sleep(10 * SECOND).await;
    assert!(world.metric(&format!("pilothouse_reconcile_put_aside_seconds_sum{labels}")) > 2.0);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w3_when_the_watch_is_dead_the_reconcile_runs_on_a_live_read_after_a_bounded_time() {
    let world = World::new();
    *world.watch_delay.lock() = 100_000 * SECOND;
    world.create("a", "0").await;
    let scripted = counting(&world);
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(8 * SECOND).await;
    assert_eq!(scripted.values("a")[..2], [Some("0".to_owned()), Some("1".to_owned())]);
    let waited = scripted.times("a")[1] - scripted.times("a")[0];
    assert!((5000..5100).contains(&waited), "{waited} ms");
    assert_eq!(world.count("pilothouse_reconcile_live_reads_total{controller=\"configmap\"}"), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn own_write_wait_of_zero_turns_the_waiting_off() {
    let world = World::new();
    *world.watch_delay.lock() = 3 * SECOND;
    world.create("a", "0").await;
    let scripted = counting(&world);
    let builder = Controller::of().own_write_wait(Duration::ZERO);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    assert_eq!(scripted.values("a")[..2], [Some("0".to_owned()), Some("0".to_owned())]);
    assert_eq!(
        world.client.get::<ConfigMap>(&key("a")).await.map(|map| value(&map).to_owned()).unwrap(),
        "1"
    );
    run.stop().await.unwrap();
}
