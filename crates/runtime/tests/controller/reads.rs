//! Reads of types that the controller does not declare.
#![expect(clippy::expect_used, reason = "a helper of tests")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use parking_lot::Mutex;
use pilothouse::{Action, Controller};
use tokio::time::sleep;

use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);

/// A reconciler that notes whether it finds a secret, and one to find.
async fn looking(world: &World) -> (Scripted, Arc<Mutex<Vec<bool>>>) {
    let mut secret = Secret::default();
    (secret.metadata.name, secret.metadata.namespace) = (Some("s".into()), Some("default".into()));
    world.client.create(&secret).await.expect("created");
    world.create("a", "").await;
    let found = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&found);
    let scripted = Scripted::new(world, move |_, _, context| {
        let noted = Arc::clone(&noted);
        Box::pin(async move {
            let secrets = context.lister::<Secret>();
            let is_there = secrets.get(&key("s"))?.is_some();
            assert_eq!(secrets.list()?.len(), usize::from(is_there));
            noted.lock().push(is_there);
            Ok(Action::done())
        })
    });
    world.server.clear_request_log();
    (scripted, found)
}

fn secrets_asked_for(world: &World) -> usize {
    world.server.request_log().iter().filter(|request| request.path.contains("secrets")).count()
}

#[tokio::test(start_paused = true)]
async fn k2_a_read_of_an_unwatched_kind_starts_its_cache_and_gives_nothing_before_that_is_filled() {
    let world = World::new();
    let (scripted, found) = looking(&world).await;
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(10 * SECOND).await;
    assert_eq!(*found.lock(), [true], "nobody took the empty cache for an answer");
    assert!(scripted.times("a").len() > 1, "the first reconcile found the cache empty and was repeated");
    world.set("a", "again").await;
    sleep(SECOND).await;
    assert_eq!(*found.lock(), [true, true]);
    let requests = secrets_asked_for(&world);
    assert!((1..=2).contains(&requests), "one list and watch serves all reads, not {requests} requests");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn k2_a_read_of_an_unwatched_kind_is_an_error_where_that_is_asked_for() {
    let world = World::new();
    let (scripted, found) = looking(&world).await;
    let builder = Controller::of().refuse_undeclared_reads();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(10 * SECOND).await;
    assert_eq!((scripted.times("a").len(), found.lock().len()), (1, 0));
    let terminal = "controller_runtime_terminal_reconcile_errors_total{controller=\"configmap\"}";
    assert_eq!(world.count(terminal), 1, "no second try helps");
    assert_eq!(secrets_asked_for(&world), 0, "nothing was started");
    run.stop().await.unwrap();

    let (world, builder) = (World::new(), Controller::of().refuse_undeclared_reads().reads::<Secret>());
    let (scripted, found) = looking(&world).await;
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(10 * SECOND).await;
    assert_eq!(*found.lock(), [true], "what is declared can be read");
    run.stop().await.unwrap();
}
