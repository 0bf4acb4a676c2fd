//! Reconciles that wait for another object.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::{Action, Context, Controller, DeleteOptions, ReconcileError};
use tokio::time::sleep;

use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);

fn secret(name: &str) -> Secret {
    let mut secret = Secret::default();
    (secret.metadata.name, secret.metadata.namespace) = (Some(name.into()), Some("default".into()));
    secret
}

/// Waits unless the secret is there, read live so that the cache plays no part.
async fn needs_secret(context: &Context<ConfigMap>) -> Result<Action, ReconcileError> {
    match context.client().get::<Secret>(&key("s")).await {
        Ok(_) => Ok(Action::done()),
        Err(error) if error.is_not_found() => {
            Err(ReconcileError::wait_for::<Secret>(key("s"), "the secret is missing"))
        }
        Err(error) => Err(error.into()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_waits_for_an_object_is_repeated_when_that_changes_and_counts_no_failure() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, context| Box::pin(needs_secret(context)));
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(60 * SECOND).await;
    let waiting = scripted.times("a").len();
    assert!(waiting <= 2, "once, and once more when something came in meanwhile");
    world.client.create(&secret("other")).await.unwrap();
    sleep(60 * SECOND).await;
    assert_eq!(scripted.times("a").len(), waiting, "others do not matter");
    world.client.create(&secret("s")).await.unwrap();
    let created = world.elapsed_ms();
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), waiting + 1);
    assert!(scripted.times("a")[waiting] - created <= 2, "at once");
    assert_eq!(world.count("controller_runtime_reconcile_errors_total{controller=\"configmap\"}"), 0);
    world.client.delete::<Secret>(&key("s"), &DeleteOptions::default()).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), waiting + 1, "nobody waits any longer");
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_during_the_reconcile_that_ends_in_a_wait_is_not_missed() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, count, context| {
        Box::pin(async move {
            let outcome = needs_secret(context).await;
            if count == 0 {
                // Looked at, and made and told of before the wait is known.
                context.client().create(&secret("s")).await?;
                sleep(SECOND).await;
            }
            outcome
        })
    });
    let builder = Controller::of().watches::<Secret>(|_| Vec::new());
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(10 * SECOND).await;
    let outcomes = "controller_runtime_reconcile_total{controller=\"configmap\",result=\"success\"}";
    assert_eq!(world.count(outcomes), 1, "the second one found the secret: {:?}", scripted.times("a"));
    assert_eq!(scripted.times("a").len(), 2);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_for_what_never_comes_is_reconciled_after_ten_minutes() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |_, _, context| Box::pin(needs_secret(context)));
    let builder = Controller::of().watches::<Secret>(|_| Vec::new());
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(60 * SECOND).await;
    let waiting = scripted.times("a").len();
    sleep(500 * SECOND).await;
    assert_eq!(scripted.times("a").len(), waiting);
    sleep(50 * SECOND).await;
    assert_eq!(scripted.times("a").len(), waiting + 1);
    run.stop().await.unwrap();
}
