//! Informers, stores and listers.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{InformerOptions, Object, ObjectExt, ResourceVersion, Store, k8s_openapi};
use tokio::time::{sleep, timeout};

use crate::world::{World, config_map, key};

fn view(store: &Store) -> BTreeMap<String, (String, ResourceVersion)> {
    let snapshot = store.snapshot();
    let entry = |object: &std::sync::Arc<pilothouse::CachedObject>| {
        (object.key().name.to_string(), (object.uid().to_string(), object.resource_version().clone()))
    };
    snapshot.iter().map(entry).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cache_follows_creations_updates_and_deletions_and_a_lister_reads_them_typed() {
    let world = World::new(1);
    let informers = world.informers();
    world.create("before").await;
    let lister = informers.lister::<ConfigMap>();
    assert!(informers.wait_synced().await);
    world.create("after").await;
    let version = world.touch("before", 7).await;
    let store = informers.informer(&ConfigMap::resource_type()).store().clone();
    timeout(Duration::from_secs(1), store.wait_for(&version)).await.unwrap();
    assert_eq!(lister.get(&key("before")).unwrap().unwrap().data.as_ref().unwrap()["value"], "7");
    assert_eq!(view(&store), world.truth().await);
    world.delete("after").await;
    sleep(Duration::from_millis(10)).await;
    assert!(lister.get(&key("after")).unwrap().is_none());
    assert_eq!(world.trace().matches(['S', 'W']).count(), 1, "{}", world.trace());
}

#[tokio::test(start_paused = true)]
async fn r6_an_outage_is_waited_out_and_the_watch_goes_on_without_a_list() {
    let world = World::new(2);
    let informers = world.informers();
    let informer = informers.informer(&ConfigMap::resource_type());
    assert!(informer.wait_synced().await);
    world.create("a").await;
    sleep(Duration::from_secs(1)).await;
    world.server.set_available(false);
    sleep(Duration::from_mins(5)).await;
    assert_eq!(informer.store().snapshot().len(), 1, "what was known is kept");
    world.server.set_available(true);
    let version = world.touch("a", 1).await;
    timeout(Duration::from_mins(2), informer.store().wait_for(&version)).await.unwrap();
    assert_eq!(world.trace().matches(['S', 'L']).count(), 1, "{}", world.trace());
    let watches = world.trace().matches('W').count();
    assert!(watches < 40, "{watches} attempts in five minutes");
}

#[tokio::test(start_paused = true)]
async fn s14_after_compaction_a_cache_lists_again_and_holds_what_the_server_has() {
    let world = World::new(3);
    for number in 0..20 {
        world.create(&format!("o{number}")).await;
    }
    let informers = world.informers();
    let informer = informers.informer(&ConfigMap::resource_type());
    let mut subscription = informer.subscribe();
    for _ in 0..20 {
        subscription.next().await.unwrap();
    }
    world.server.set_available(false);
    sleep(Duration::from_secs(1)).await;
    world.server.set_available(true);
    // Before the informer is back, things change and the history of it is dropped.
    world.delete("o3").await;
    world.touch("o5", 1).await;
    let last = world.create("new").await;
    world.server.compact(None);
    timeout(Duration::from_mins(2), informer.store().wait_for(&last.resource_version())).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    assert_eq!(view(informer.store()), world.truth().await);
    let mut told = Vec::new();
    while let Ok(Some(change)) = timeout(Duration::from_millis(10), subscription.next()).await {
        told.push(format!("{:?} {}", change.kind, change.key().name));
    }
    assert_eq!(told, ["Deleted o3", "Added new", "Updated o5"]);
}

#[tokio::test(start_paused = true)]
async fn s17_a_cache_ends_up_with_the_servers_state_whatever_breaks_on_the_way() {
    for seed in 0..4 {
        let world = World::new(seed);
        let informers = world.informers();
        let informer = informers.informer(&ConfigMap::resource_type());
        let mut subscription = informer.subscribe();
        for step in 0..300 {
            let name = format!("o{}", world.environment.random_index(8));
            let exists = world.client.get::<ConfigMap>(&key(&name)).await.is_ok();
            match (exists, world.environment.random_index(4)) {
                (true, 0) => world.delete(&name).await,
                (true, _) => drop(world.touch(&name, step).await),
                (false, _) => drop(world.client.create(&config_map(&name)).await.unwrap()),
            }
            match world.environment.random_index(30) {
                0 => world.server.drop_watches(),
                1 => world.server.compact(None),
                2 => {
                    world.server.compact(None);
                    world.server.drop_watches();
                }
                3 => sleep(Duration::from_secs(3)).await,
                _ => tokio::task::yield_now().await,
            }
        }
        sleep(Duration::from_mins(2)).await;
        assert_eq!(view(informer.store()), world.truth().await, "seed {seed}");
        let mut seen = BTreeMap::new();
        while let Ok(Some(change)) = timeout(Duration::from_millis(10), subscription.next()).await {
            match change.kind {
                pilothouse::ChangeKind::Deleted => seen.remove(&*change.key().name),
                _ => seen.insert(change.key().name.to_string(), change.object),
            };
        }
        let told: Vec<_> = seen.keys().cloned().collect();
        assert_eq!(told, world.truth().await.into_keys().collect::<Vec<_>>(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn r1_a_large_first_list_is_complete_with_and_without_streaming() {
    for streams in [false, true] {
        let world = World::new(4);
        for number in 0..1203 {
            world.create(&format!("o{number:04}")).await;
        }
        let informers = world.informers();
        let informers = informers.with_defaults(InformerOptions::default().with_streaming_list(streams));
        let lister = informers.lister::<ConfigMap>();
        assert!(lister.informer().wait_synced().await);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.trace(), if streams { "S" } else { "LW" });
        assert_eq!(lister.list().unwrap().len(), world.truth().await.len());
        assert!(lister.list().unwrap().len() >= 1203);
    }
}
