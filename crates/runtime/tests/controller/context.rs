//! What a reconcile can do through its context.
#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use parking_lot::Mutex;
use pilothouse::{
    Action, Context, Controller, DeleteOptions, EventType, Object, ObjectExt, ObjectKey, Patch,
    ReconcileError, Reconciler,
};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Scripted, World, key};

const SECOND: Duration = Duration::from_secs(1);

/// Sets the observed generation of deployments, from a version that may be outdated.
#[derive(Clone, Default)]
struct Observer {
    outdated: Option<Arc<Deployment>>,
    results: Arc<Mutex<Vec<Deployment>>>,
}

impl Reconciler for Observer {
    type Object = Deployment;

    async fn reconcile(
        &self,
        object: Arc<Deployment>,
        context: &Context<Deployment>,
    ) -> Result<Action, ReconcileError> {
        let base = self.outdated.clone().unwrap_or(object);
        let result = context
            .update_status(&base, |status| {
                status.observed_generation = Some(7);
            })
            .await?;
        self.results.lock().push(result);
        Ok(Action::done())
    }
}

fn deployment() -> Deployment {
    let mut deployment = Deployment::default();
    deployment.metadata.name = Some("web".into());
    deployment.metadata.namespace = Some("default".into());
    deployment.spec = Some(
        serde_json::from_value::<DeploymentSpec>(json!({
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        }))
        .unwrap(),
    );
    deployment
}

fn status_updates(world: &World) -> usize {
    let log = world.server.request_log();
    log.iter().filter(|request| request.verb == "update" && request.path.ends_with("/status")).count()
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_once_and_not_again_when_nothing_changes() {
    let world = World::new();
    world.client.create(&deployment()).await.unwrap();
    let observer = Observer::default();
    let run = world.run(world.manager().controller(Controller::of(), observer.clone()));
    sleep(10 * SECOND).await;
    let results = observer.results.lock().clone();
    assert_eq!(results.len(), 2, "the second is caused by the status itself");
    assert_eq!(results[1].status.as_ref().unwrap().observed_generation, Some(7));
    assert_eq!(status_updates(&world), 1);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_status_update_that_meets_a_conflict_is_applied_to_the_newest_object() {
    let world = World::new();
    let outdated = world.client.create(&deployment()).await.unwrap();
    let patch = Patch::Merge(json!({"status": {"replicas": 3}}));
    world.client.patch_status::<Deployment>(&key("web"), &patch).await.unwrap();
    let observer = Observer { outdated: Some(Arc::new(outdated)), ..Observer::default() };
    let run = world.run(world.manager().controller(Controller::of(), observer));
    sleep(10 * SECOND).await;
    let now = world.client.get::<Deployment>(&key("web")).await.unwrap().status.unwrap();
    assert_eq!((now.replicas, now.observed_generation), (Some(3), Some(7)));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_applied_object_is_owned_carries_the_controllers_name_and_keeps_the_fields_of_others() {
    let world = World::new();
    world.create("a", "1").await;
    let scripted = Scripted::new(&world, |map, _, context| {
        let mut secret = Secret::default();
        secret.metadata.name = Some("applied".into());
        secret.string_data = map.data.clone();
        Box::pin(async move {
            context.apply(secret).await?;
            Ok(Action::done())
        })
    });
    let builder = Controller::of().named("applier").owns::<Secret>();
    let run = world.run(world.manager().controller(builder, scripted));
    sleep(SECOND).await;
    let patch = Patch::Merge(json!({"metadata": {"labels": {"added-by": "somebody"}}}));
    world.client.patch::<Secret>(&key("applied"), &patch).await.unwrap();
    world.set("a", "2").await;
    sleep(SECOND).await;
    let secret = world.client.get::<Secret>(&key("applied")).await.unwrap();
    assert_eq!(secret.controller().unwrap().name, "a");
    assert_eq!(secret.data.as_ref().unwrap()["value"].0, b"2");
    assert_eq!(secret.metadata.labels.as_ref().unwrap()["added-by"], "somebody");
    let managers = secret.metadata.managed_fields.unwrap();
    let applied = managers.iter().find(|entry| entry.operation.as_deref() == Some("Apply")).unwrap();
    assert_eq!(applied.manager.as_deref(), Some("test/applier"));
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_holds_the_object_until_it_is_removed() {
    const NAME: &str = "test.example/cleanup";
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |map, _, context| {
        Box::pin(async move {
            if map.is_deleting() {
                sleep(5 * SECOND).await;
                context.remove_finalizer(map, NAME).await?;
            } else {
                context.add_finalizer(map, NAME).await?;
            }
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    let held = world.client.get::<ConfigMap>(&key("a")).await.unwrap();
    assert_eq!(held.meta().finalizers.as_deref(), Some(&[NAME.to_owned()][..]));
    world.client.delete::<ConfigMap>(&key("a"), &DeleteOptions::default()).await.unwrap();
    sleep(3 * SECOND).await;
    assert!(world.client.get::<ConfigMap>(&key("a")).await.is_ok(), "still cleaning up");
    sleep(5 * SECOND).await;
    assert!(world.client.get::<ConfigMap>(&key("a")).await.unwrap_err().is_not_found());
    assert_eq!(scripted.values("a").last().unwrap(), &None);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn repeated_events_are_counted_up_in_one_object() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |map, count, context| {
        context.event(map, EventType::Warning, "Late", "it is late");
        let action = if count < 2 { Action::again_in(SECOND) } else { Action::done() };
        Box::pin(async move { Ok(action) })
    });
    let run = world.run(world.manager().controller(Controller::of().named("clock"), scripted.clone()));
    sleep(10 * SECOND).await;
    let events = world.client.list::<Event>(Some("default"), &Default::default()).await.unwrap();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        (event.count, event.type_.as_deref(), event.reason.as_deref()),
        (Some(3), Some("Warning"), Some("Late"))
    );
    assert_eq!(event.involved_object.name.as_deref(), Some("a"));
    assert_eq!(event.source.as_ref().unwrap().component.as_deref(), Some("clock"));
    assert_eq!(event.last_timestamp.as_ref().unwrap().0.as_second(), 2);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_of_the_last_reconcile_are_sent_before_the_controller_ends() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::new(&world, |map, _, context| {
        Box::pin(async move {
            sleep(2 * SECOND).await;
            context.event(map, EventType::Normal, "Done", "it is done");
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted));
    sleep(SECOND).await;
    run.stop().await.unwrap();
    assert_eq!(world.client.list::<Event>(Some("default"), &Default::default()).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_gone_or_replaced_harms_nothing() {
    let world = World::new();
    world.create("a", "").await;
    let first = world.create("victim", "1").await;
    world.client.delete::<ConfigMap>(&key("victim"), &DeleteOptions::default()).await.unwrap();
    let scripted = Scripted::new(&world, move |map, _, context| {
        let first = first.clone();
        let is_a = map.key() == ObjectKey::new("default", "a");
        Box::pin(async move {
            if is_a {
                context.delete(&first, DeleteOptions::default()).await?;
            }
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(SECOND).await;
    assert_eq!(scripted.times("a").len(), 1, "gone already is no error");
    world.create("victim", "2").await;
    world.set("a", "again").await;
    sleep(Duration::from_millis(3)).await;
    assert!(world.client.get::<ConfigMap>(&key("victim")).await.is_ok(), "another uid is another object");
    run.stop().await.unwrap();
}
