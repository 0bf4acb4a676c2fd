//! Writes that are carried out and never answered.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::{Action, Controller, ControllerBuilder, Patch};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Scripted, World, value};

const SECOND: Duration = Duration::from_secs(1);
const CONFIRMATIONS: &str = "pilothouse_reconcile_confirmations_total{controller=\"configmap\"}";

fn is_creation(method: &str, address: &str) -> bool {
    method == "POST" && address.contains("secrets")
}

/// Wants one secret, of any name.
fn maker(world: &World) -> Scripted {
    Scripted::new(world, |_, _, context| {
        Box::pin(async move {
            if context.lister::<Secret>().list()?.is_empty() {
                let mut secret = Secret::default();
                secret.metadata.generate_name = Some("made-".into());
                context.create(secret).await?;
            }
            Ok(Action::done())
        })
    })
}

/// Lets the first second of creations end in `trouble`, on a cache that is three seconds behind; how many secrets there
/// are in the end.
async fn secrets_made(
    world: &World,
    builder: ControllerBuilder<ConfigMap>,
    trouble: impl FnOnce(Option<fn(&str, &str) -> bool>),
) -> Vec<Secret> {
    world.create("a", "").await;
    *world.watch_delay.lock() = 3 * SECOND;
    let run = world.run(world.manager().controller(builder.owns::<Secret>(), maker(world)));
    trouble(Some(is_creation));
    sleep(SECOND / 2).await;
    world.lose(None);
    sleep(SECOND).await;
    world.hold(None);
    sleep(20 * SECOND).await;
    run.stop().await.unwrap();
    world.client.list::<Secret>(None, &Default::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn w4_a_creation_whose_answer_was_lost_is_seen_by_the_next_reconcile_and_not_repeated() {
    let world = World::impatient();
    let secrets = secrets_made(&world, Controller::of(), |lost| world.lose(lost)).await;
    let names: Vec<_> = secrets.iter().filter_map(|secret| secret.metadata.name.as_deref()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].starts_with("made-") && names[0].len() == 10, "as the server makes names: {names:?}");
    assert_eq!(world.count(CONFIRMATIONS), 1);
    assert_eq!(world.count("pilothouse_reconcile_live_reads_total{controller=\"configmap\"}"), 0);
}

#[tokio::test(start_paused = true)]
async fn w4_a_creation_in_whose_midst_the_reconcile_was_dropped_is_not_repeated_either() {
    let world = World::new();
    let builder = Controller::of().timeout(SECOND / 4);
    let secrets = secrets_made(&world, builder, |lost| world.lose(lost)).await;
    assert_eq!(secrets.len(), 1);
    assert_eq!(world.count("controller_runtime_reconcile_timeouts_total{controller=\"configmap\"}"), 1);
}

#[tokio::test(start_paused = true)]
async fn w4_a_creation_that_did_not_arrive_is_repeated() {
    let world = World::impatient();
    let secrets = secrets_made(&world, Controller::of(), |held| world.hold(held)).await;
    assert_eq!(secrets.len(), 1);
    assert!(world.count(CONFIRMATIONS) >= 1);
}

#[tokio::test(start_paused = true)]
async fn w4_a_change_whose_answer_was_lost_is_seen_by_the_next_reconcile() {
    let world = World::impatient();
    world.create("a", "0").await;
    *world.watch_delay.lock() = 3 * SECOND;
    let scripted = Scripted::new(&world, |map, count, context| {
        Box::pin(async move {
            if count < 2 {
                let next = value(map).parse::<u64>().unwrap_or(0) + 1;
                let patch = Patch::Merge(json!({"data": {"value": next.to_string()}}));
                context.patch::<ConfigMap>(context.key(), &patch).await?;
            }
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    world.lose(Some(|method, _| method == "PATCH"));
    sleep(SECOND / 2).await;
    world.lose(None);
    sleep(20 * SECOND).await;
    let values: Vec<_> = scripted.values("a").into_iter().flatten().collect();
    assert_eq!(values[..3], ["0", "1", "2"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w4_a_deletion_whose_answer_was_lost_is_seen_by_the_next_reconcile() {
    let world = World::impatient();
    let owner = world.create("a", "").await;
    let mut secret = Secret::default();
    (secret.metadata.name, secret.metadata.namespace) = (Some("s".into()), Some("default".into()));
    secret.metadata.owner_references = Some(vec![pilothouse::ObjectExt::owner_reference(&owner)]);
    world.client.create(&secret).await.unwrap();
    let scripted = Scripted::new(&world, |_, _, context| {
        Box::pin(async move {
            for secret in context.lister::<Secret>().list()? {
                context.delete(&*secret, Default::default()).await?;
            }
            Ok(Action::done())
        })
    });
    *world.watch_delay.lock() = 3 * SECOND;
    let run = world.run(world.manager().controller(Controller::of().owns::<Secret>(), scripted.clone()));
    world.lose(Some(|method, _| method == "DELETE"));
    sleep(SECOND / 2).await;
    world.lose(None);
    sleep(20 * SECOND).await;
    run.stop().await.unwrap();
    let deletions = world.server.request_log().into_iter().filter(|request| request.verb == "delete");
    assert_eq!(deletions.count(), 1);
}
