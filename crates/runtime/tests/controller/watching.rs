//! Sources that come and go while the controller runs, and sources of keys.

use std::time::Duration;

use futures::SinkExt;
use futures::channel::mpsc;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::controller::Owners;
use pilothouse::{Action, Controller, ObjectExt};
use tokio::time::sleep;

use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);

fn owned(name: &str, owners: &[(&ConfigMap, bool)]) -> Secret {
    let mut secret = Secret::default();
    (secret.metadata.name, secret.metadata.namespace) = (Some(name.into()), Some("default".into()));
    let reference = |(owner, controls): &(&ConfigMap, bool)| {
        let mut reference = owner.owner_reference();
        reference.controller = Some(*controls);
        reference
    };
    secret.metadata.owner_references = Some(owners.iter().map(reference).collect());
    secret
}

#[tokio::test(start_paused = true)]
async fn c10_a_watch_added_to_a_running_controller_begins_at_once_and_ends_when_it_is_stopped() {
    let world = World::new();
    let owner = world.create("a", "").await;
    let mut secret = world.client.create(&owned("s", &[(&owner, true)])).await.unwrap();
    let scripted = Scripted::idle(&world);
    let builder = Controller::of();
    let sources = builder.sources();
    let mut manager = world.manager().controller(builder, scripted.clone());
    let informers = manager.informers().unwrap();
    let run = world.run(manager);
    sleep(10 * SECOND).await;
    assert_eq!(scripted.times("a").len(), 1);

    let watch = sources.owns::<Secret>(Owners::Controlling);
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 2, "what is there already");
    secret.metadata.labels = Some([("changed".into(), "yes".into())].into());
    world.client.update(&secret).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 3, "what changes");

    watch.stop();
    sleep(SECOND).await;
    world.client.create(&owned("late", &[(&owner, true)])).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 3);
    assert_eq!(informers.all().len(), 1, "the cache of secrets has ended with its last user");
    watch.stop();
    sources.watches::<Secret>(|_| vec![key("a")]);
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 4, "others can be added, and the two secrets are one reconcile");
    world.set("a", "2").await;
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 5, "the others go on");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c10_c7_a_watch_added_before_the_start_is_part_of_it() {
    let world = World::new();
    world.create("a", "").await;
    world.hold(Some(|_, address| address.contains("secrets")));
    let scripted = Scripted::idle(&world);
    let builder = Controller::of();
    builder.sources().owns::<Secret>(Owners::Controlling);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(10 * SECOND).await;
    assert!(scripted.names().is_empty(), "the cache of secrets is not filled");
    world.hold(None);
    sleep(SECOND).await;
    assert_eq!(scripted.names(), ["a"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c10_w1_own_writes_count_from_the_watch_on_and_hold_nobody_up_after_it() {
    let world = World::new();
    world.create("a", "").await;
    let builder = Controller::of();
    let sources = builder.sources();
    let scripted = Scripted::new(&world, |_, count, context| {
        Box::pin(async move {
            if count == 1 {
                let mut secret = Secret::default();
                secret.metadata.name = Some("made".into());
                context.create(secret).await?;
                return Ok(Action::again_in(Duration::from_millis(10)));
            }
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    let watch = sources.owns::<Secret>(Owners::Controlling);
    sleep(SECOND).await;
    *world.watch_delay.lock() = SECOND * 4;
    world.set("a", "2").await;
    sleep(SECOND * 9 / 2).await;
    let labels = "{controller=\"configmap\"}";
    assert_eq!(scripted.times("a").len(), 2, "the key waits to see the secret");
    assert_eq!(world.count(&format!("pilothouse_reconcile_put_aside_total{labels}")), 1);
    watch.stop();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(scripted.times("a").len(), 3, "nothing would show it any more");
    assert_eq!(world.count(&format!("pilothouse_reconcile_live_reads_total{labels}")), 0);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c13_every_owner_is_reconciled_where_that_is_asked_for() {
    let world = World::new();
    let (first, second) = (world.create("first", "").await, world.create("second", "").await);
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().owns_with::<Secret>(Owners::Every);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    let before = scripted.names().len();
    world.client.create(&owned("s", &[(&first, true), (&second, false)])).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.names()[before..], ["first", "second"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c12_keys_sent_before_the_start_are_delivered_after_it_and_a_full_stream_holds_only_itself_up() {
    let world = World::new();
    for name in ["a", "b", "c", "d"] {
        world.create(name, "").await;
    }
    let (mut full, keys) = mpsc::channel(0);
    let (mut other, other_keys) = mpsc::channel(10);
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().predicate(|_| false).triggered_by(keys).triggered_by(other_keys);
    let sending = world.environment.spawn("sender", async move {
        for name in ["a", "b", "c"] {
            full.send(key(name)).await.expect("taken");
        }
        full
    });
    sleep(SECOND).await;
    assert!(!sending.is_finished(), "there is room for one only");
    other.try_send(key("d")).expect("the other has room");
    world.hold(Some(|_, _| true));
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(10 * SECOND).await;
    assert!(scripted.names().is_empty(), "not before the caches are filled (C7)");
    world.hold(None);
    sleep(SECOND).await;
    let mut names = scripted.names();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d"]);

    drop(sending.await.unwrap());
    sleep(SECOND).await;
    other.try_send(key("a")).expect("the other stream is there");
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 2, "the end of a stream ends nothing else");
    assert!(!run.handle.is_finished());
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c12_c10_a_stream_of_keys_can_be_added_and_stopped_at_run_time() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::idle(&world);
    let builder = Controller::of();
    let sources = builder.sources();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    let (mut sender, keys) = mpsc::channel(1);
    let watch = sources.triggered_by(keys);
    sender.send(key("a")).await.unwrap();
    sender.send(key("nobody")).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.names(), ["a", "a"], "a key without an object reconciles nothing");
    watch.stop();
    sleep(SECOND).await;
    assert!(sender.is_closed());
    run.stop().await.unwrap();
}
