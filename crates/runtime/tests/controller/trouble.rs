//! Deletions nobody reported, panics in odd places, conflicts, events, outages.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::Mutex;
use pilothouse::{
    Action, Context, Controller, DeleteOptions, EventType, ListOptions, ObjectExt, ObjectKey, Patch,
    ReconcileError, Reconciler,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Run, Scripted, World, key, value};

const SECOND: Duration = Duration::from_secs(1);

/// Notes deletions; each takes a time, and asks for another call until it was called often enough.
#[derive(Clone, Default)]
struct Mourner {
    deleted: Arc<Mutex<Vec<String>>>,
    takes: Duration,
    calls_wanted: usize,
}

impl Reconciler for Mourner {
    type Object = ConfigMap;

    async fn reconcile(&self, _: Arc<ConfigMap>, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        Ok(Action::done())
    }

    async fn deleted(&self, key: &ObjectKey, _: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
        self.deleted.lock().push(key.name.to_string());
        sleep(self.takes).await;
        let is_done = self.deleted.lock().len() >= self.calls_wanted;
        Ok(if is_done { Action::done() } else { Action::again_in(SECOND) })
    }
}

async fn delete(world: &World, name: &str) {
    world.client.delete::<ConfigMap>(&key(name), &DeleteOptions::default()).await.unwrap();
}

async fn mourn(world: &World, mourner: &Mourner) -> Run {
    let run = world.run(world.manager().controller(Controller::of(), mourner.clone()));
    sleep(SECOND).await;
    run
}

#[tokio::test(start_paused = true)]
async fn deleted_is_called_for_an_object_deleted_while_the_watch_was_broken() {
    let world = World::new();
    world.create("a", "").await;
    let mourner = Mourner::default();
    let run = mourn(&world, &mourner).await;
    world.hold(Some(|_, address| address.contains("watch=")));
    world.server.drop_watches();
    sleep(3 * SECOND).await;
    delete(&world, "a").await;
    world.create("b", "").await;
    world.server.compact(None);
    world.hold(None);
    sleep(60 * SECOND).await;
    assert_eq!(*mourner.deleted.lock(), ["a"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn deleted_is_called_again_when_it_asks_for_it() {
    let world = World::new();
    world.create("a", "").await;
    let mourner = Mourner { calls_wanted: 3, ..Mourner::default() };
    let run = mourn(&world, &mourner).await;
    delete(&world, "a").await;
    sleep(60 * SECOND).await;
    assert_eq!(mourner.deleted.lock().len(), 3);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_deletion_while_deleted_runs_is_not_forgotten() {
    let world = World::new();
    world.create("a", "").await;
    let mourner = Mourner { takes: 10 * SECOND, ..Mourner::default() };
    let run = mourn(&world, &mourner).await;
    delete(&world, "a").await;
    sleep(SECOND).await;
    world.create("a", "").await;
    sleep(SECOND).await;
    delete(&world, "a").await;
    sleep(60 * SECOND).await;
    assert_eq!(mourner.deleted.lock().len(), 2);
    run.stop().await.unwrap();
}

/// A config map that cannot bear the value "poison".
#[derive(Clone, Debug, Serialize)]
struct Fragile(ConfigMap);

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = ConfigMap::deserialize(deserializer)?;
        assert!(value(&map) != "poison", "poisoned");
        Ok(Self(map))
    }
}

impl kube::Resource for Fragile {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "ConfigMap".into()
    }
    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }
    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        "configmaps".into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.0.metadata
    }
}

#[derive(Clone, Default)]
struct Fragiles(Arc<Mutex<Vec<String>>>);

impl Reconciler for Fragiles {
    type Object = Fragile;

    async fn reconcile(&self, object: Arc<Fragile>, _: &Context<Fragile>) -> Result<Action, ReconcileError> {
        self.0.lock().push(object.key().name.to_string());
        Ok(Action::done())
    }
}

#[tokio::test(start_paused = true)]
async fn c5_a_panic_outside_of_the_reconciler_is_counted_and_the_worker_goes_on() {
    let world = World::new();
    world.create("a", "poison").await;
    let fragiles = Fragiles::default();
    let run = world.run(world.manager().controller(Controller::of(), fragiles.clone()));
    sleep(SECOND).await;
    world.create("b", "").await;
    sleep(SECOND).await;
    assert_eq!(*fragiles.0.lock(), ["b"]);
    let panics = world.count("controller_runtime_reconcile_panics_total{controller=\"configmap\"}");
    assert!((2..50).contains(&panics), "tried again, with growing delays: {panics}");
    world.set("a", "healed").await;
    sleep(SECOND).await;
    assert_eq!(*fragiles.0.lock(), ["b", "a"]);
    run.stop().await.unwrap();
}

async fn secret(world: &World, name: &str) {
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.into());
    secret.metadata.namespace = Some("default".into());
    world.client.create(&secret).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c5_a_panic_in_a_mapping_or_a_predicate_does_not_deafen_the_controller() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::idle(&world);
    let builder = Controller::of()
        .watches::<Secret>(|secret| {
            assert!(secret.key().name.as_ref() != "bad", "a bad secret");
            vec![key("a")]
        })
        .predicate(|change| {
            assert!(change.key().name.as_ref() != "odd", "an odd key");
            true
        });
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    secret(&world, "bad").await;
    sleep(SECOND).await;
    secret(&world, "good").await;
    world.create("odd", "").await;
    sleep(SECOND).await;
    world.create("b", "").await;
    sleep(SECOND).await;
    assert_eq!(
        (scripted.times("a").len(), scripted.times("odd").len(), scripted.times("b").len()),
        (2, 1, 1)
    );
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w1_after_a_conflict_the_next_reconcile_waits_for_the_newer_object() {
    let world = World::new();
    *world.watch_delay.lock() = 3 * SECOND;
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |map, count, context| {
        Box::pin(async move {
            if count == 0 {
                return Ok(Action::again_in(SECOND));
            }
            let before = map.metadata.finalizers.clone();
            let after = context.add_finalizer(map, "example.com/one").await?;
            let is_current = before == after.metadata.finalizers || count > 50;
            Ok(if is_current { Action::done() } else { Action::again_in(Duration::ZERO) })
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND / 2).await;
    let patch = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/one"]}}));
    world.client.patch::<ConfigMap>(&key("a"), &patch).await.unwrap();
    sleep(60 * SECOND).await;
    assert!((3..=4).contains(&scripted.times("a").len()), "{:?}", scripted.times("a"));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_that_the_server_does_not_take_do_not_hold_up_the_end() {
    let world = World::new();
    world.create("a", "").await;
    world.hold(Some(|method, address| method == "POST" && address.contains("/events")));
    let scripted = Scripted::new(&world, |map, _, context| {
        Box::pin(async move {
            context.event(map, EventType::Normal, "Seen", "it was seen");
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted));
    sleep(SECOND).await;
    run.stop().await.unwrap();
    assert!(world.elapsed_ms() < 4000, "{} ms", world.elapsed_ms());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_events_about_one_object_is_cut() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |map, _, context| {
        Box::pin(async move {
            for number in 0..100 {
                context.event(map, EventType::Warning, "Trouble", format!("trouble number {number}"));
            }
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted));
    sleep(10 * SECOND).await;
    let events = world.client.list::<Event>(None, &ListOptions::default()).await.unwrap();
    assert_eq!(events.len(), 25);
    assert_eq!(world.count("pilothouse_events_dropped_total{controller=\"configmap\"}"), 75);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_hears_nothing_any_more_fails_with_the_name_of_the_type() {
    let world = World::new();
    let scripted = Scripted::idle(&world);
    let mut manager = world.manager().controller(Controller::of(), scripted);
    let informers = manager.informers().unwrap();
    let run = world.run(manager);
    sleep(SECOND).await;
    informers.shut_down();
    let error = run.handle.await.unwrap().unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("configmaps") && source.contains("have ended"), "{source}");
}

#[tokio::test(start_paused = true)]
async fn m8_the_caches_of_a_manager_are_shared_with_the_outside_and_stop_with_it() {
    let world = World::new();
    world.create("a", "").await;
    assert!(pilothouse::Manager::new("no client").informers().is_none());
    let mut manager = world.manager().controller(Controller::of(), Scripted::idle(&world));
    assert!(manager.given_client().is_some());
    let informers = manager.informers().unwrap();
    let run = world.run(manager);
    sleep(SECOND).await;
    let lister = informers.lister::<ConfigMap>();
    assert_eq!(lister.list().unwrap().len(), 1);
    run.stop().await.unwrap();
    assert!(lister.informer().is_stopped());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_answered_with_few_requests() {
    let world = World::new();
    for number in 0..20 {
        world.create(&format!("{number}"), "").await;
    }
    let scripted = Scripted::new(&world, |_, _, context| {
        Box::pin(async move {
            let patch = Patch::Merge(json!({"data": {"value": "always the same"}}));
            context.patch::<ConfigMap>(context.key(), &patch).await?;
            Ok(Action::again_in(Duration::from_mins(1)))
        })
    });
    let builder = Controller::of().owns::<Secret>().workers(4);
    let run = world.run(world.manager().controller(builder, scripted));
    sleep(90 * SECOND).await;
    world.server.set_available(false);
    let mut per_minute = Vec::new();
    for _ in 0..10 {
        let before = world.requests.load(Ordering::Relaxed);
        sleep(60 * SECOND).await;
        per_minute.push(world.requests.load(Ordering::Relaxed) - before);
    }
    // Twenty keys fail: 14 attempts each in the first minute, then fewer and fewer; two watches.
    assert!(per_minute[0] <= 20 * 15 + 20, "{per_minute:?}");
    assert!(per_minute[5..].iter().all(|count| *count <= 30), "{per_minute:?}");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w5_versions_that_are_no_numbers_are_never_compared_as_text() {
    let world = World::opaque();
    world.create("a", "0").await;
    let mut number = 0;
    while world.server.current_resource_version().number().unwrap() < 95 {
        secret(&world, &format!("filler-{number}")).await;
        number += 1;
    }
    *world.watch_delay.lock() = SECOND / 2;
    let scripted = Scripted::new(&world, |map, count, context| {
        Box::pin(async move {
            let next = value(map).parse::<u64>().unwrap_or(0) + 1;
            if count < 10 {
                let patch = Patch::Merge(json!({"data": {"value": next.to_string()}}));
                let written = context.patch::<ConfigMap>(context.key(), &patch).await?;
                assert_eq!(written.resource_version().number(), None);
            }
            Ok(Action::again_in(Duration::from_millis(10)))
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(60 * SECOND).await;
    let seen: Vec<_> = scripted.values("a").into_iter().flatten().take(11).collect();
    let expected: Vec<_> = (0..=10).map(|number| number.to_string()).collect();
    assert_eq!(seen, expected, "from version 99 to 100 text would run backwards");
    let live = "pilothouse_reconcile_live_reads_total{controller=\"configmap\"}";
    assert_eq!(world.count(live), 0, "equality ends the wait");
    run.stop().await.unwrap();
}
