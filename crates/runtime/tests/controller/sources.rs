//! What causes a reconcile, and when the first one may happen.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pilothouse::controller::{ControllerError, predicate};
use pilothouse::{Action, Controller, DeleteOptions, Error, Object, ObjectExt};
use tokio::time::sleep;

use crate::world::{Scripted, World, config_map, key};

const SECOND: Duration = Duration::from_secs(1);

fn secret(name: &str, owner: Option<&ConfigMap>) -> Secret {
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.into());
    secret.metadata.namespace = Some("default".into());
    secret.metadata.owner_references = owner.map(|owner| vec![owner.owner_reference()]);
    secret
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_object_or_of_what_it_owns_causes_one_reconcile() {
    let world = World::new();
    let owner = world.create("a", "1").await;
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().owns::<Secret>();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    world.set("a", "2").await;
    sleep(SECOND).await;
    let owned = world.client.create(&secret("owned", Some(&owner))).await.unwrap();
    world.client.create(&secret("foreign", None)).await.unwrap();
    sleep(SECOND).await;
    world.client.delete::<Secret>(&owned.key(), &DeleteOptions::default()).await.unwrap();
    sleep(SECOND).await;
    let seen = |text: &str| Some(text.to_owned());
    assert_eq!(scripted.values("a"), [seen("1"), seen("2"), seen("2"), seen("2")]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c13_changing_the_owner_reconciles_the_old_and_the_new_one() {
    let world = World::new();
    let (old, new) = (world.create("old", "").await, world.create("new", "").await);
    let mut owned = world.client.create(&secret("owned", Some(&old))).await.unwrap();
    let scripted = Scripted::idle(&world);
    let run = world.run(world.manager().controller(Controller::of().owns::<Secret>(), scripted.clone()));
    sleep(SECOND).await;
    let before = scripted.names().len();
    owned.metadata.owner_references = Some(vec![new.owner_reference()]);
    world.client.update(&owned).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.names()[before..], ["old", "new"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn watched_objects_reconcile_what_the_mapper_names_before_and_after() {
    let world = World::new();
    world.create("a", "").await;
    world.create("b", "").await;
    let mut shared = secret("shared", None);
    shared.type_ = Some("test/for".into());
    shared.metadata.labels = Some([("for".into(), "a".into())].into());
    let mut shared = world.client.create(&shared).await.unwrap();
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().watches::<Secret>(|secret| {
        let target = secret.metadata.labels.iter().flatten().find(|(name, _)| *name == "for");
        target.map(|(_, name)| key(name)).into_iter().collect()
    });
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    let before = scripted.names().len();
    shared.metadata.labels = Some([("for".into(), "b".into())].into());
    world.client.update(&shared).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.names()[before..], ["a", "b"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn deleted_is_called_once_when_the_object_has_left_the_cache() {
    let world = World::new();
    world.create("a", "1").await;
    let scripted = Scripted::idle(&world);
    let run = world.run(world.manager().controller(Controller::of().owns::<Secret>(), scripted.clone()));
    sleep(SECOND).await;
    let owner = world.client.get::<ConfigMap>(&key("a")).await.unwrap();
    world.client.delete::<ConfigMap>(&key("a"), &DeleteOptions::default()).await.unwrap();
    sleep(SECOND).await;
    // Something that still names the object does not bring it back.
    world.client.create(&secret("late", Some(&owner))).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.values("a"), [Some("1".to_owned()), None]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_predicate_keeps_uninteresting_changes_away_but_never_deletions() {
    let world = World::new();
    world.create("a", "1").await;
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().predicate(predicate::labels_changed);
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(SECOND).await;
    world.set("a", "2").await;
    sleep(SECOND).await;
    assert_eq!(scripted.values("a").len(), 1);
    world.client.delete::<ConfigMap>(&key("a"), &DeleteOptions::default()).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(scripted.values("a"), [Some("1".to_owned()), None]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_predicate_of_owned_or_watched_objects_keeps_their_changes_away_but_never_deletions() {
    let labelled = |label: &str| Some([("for".to_owned(), label.to_owned())].into());
    let by_owner = Controller::of().owns_where::<Secret>(predicate::labels_changed);
    let by_name = Controller::of()
        .watches_where::<Secret>(predicate::labels_changed, |secret| vec![key(&secret.key().name[..1])]);
    for builder in [by_owner, by_name] {
        let world = World::new();
        let owner = world.create("a", "").await;
        let scripted = Scripted::idle(&world);
        let run = world.run(world.manager().controller(builder, scripted.clone()));
        sleep(SECOND).await;
        let mut secret = world.client.create(&secret("a-owned", Some(&owner))).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(scripted.names().len(), 2, "a new one");
        secret.metadata.annotations = labelled("nobody");
        let mut secret = world.client.update(&secret).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(scripted.names().len(), 2, "an uninteresting change");
        secret.metadata.labels = labelled("somebody");
        world.client.update(&secret).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(scripted.names().len(), 3, "an interesting change");
        world.client.delete::<Secret>(&secret.key(), &DeleteOptions::default()).await.unwrap();
        sleep(SECOND).await;
        assert_eq!(scripted.names().len(), 4, "the deletion");
        run.stop().await.unwrap();
    }
}

#[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[kube(group = "test.example", version = "v1", kind = "Gadget", namespaced)]
struct GadgetSpec {
    size: u32,
}

#[tokio::test(start_paused = true)]
async fn c7_nothing_is_reconciled_before_every_cache_holds_its_first_list() {
    let world = World::new();
    world.create("a", "").await;
    let scripted = Scripted::idle(&world);
    let builder = Controller::of().owns::<Secret>().reads::<Gadget>();
    let run = world.run(world.manager().controller(builder, scripted.clone()));
    sleep(30 * SECOND).await;
    assert!(scripted.names().is_empty(), "the type Gadget does not exist yet");
    let definition = <Gadget as kube::CustomResourceExt>::crd();
    world.client.create(&definition).await.unwrap();
    sleep(60 * SECOND).await;
    assert_eq!(scripted.names(), ["a"]);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c8_a_cache_that_stays_empty_fails_the_controller_with_the_name_of_the_type() {
    let world = World::new();
    let builder = Controller::of().owns::<Gadget>().sync_timeout(20 * SECOND);
    let run = world.run(world.manager().controller(builder, Scripted::idle(&world)));
    let error = run.handle.await.unwrap().unwrap_err();
    let Error::Failed { name, source } = &error else { panic!("{error:?}") };
    assert_eq!(name, "configmap");
    assert!(source.to_string().contains("gadgets.test.example"), "{source}");
    assert_eq!(world.elapsed_ms() / 1000, 20);
}

#[tokio::test(start_paused = true)]
async fn c8_a_controller_that_cannot_start_says_what_keeps_its_cache_from_filling_where_that_is_known() {
    let world = World::new();
    let cause = async |held: Option<fn(&str, &str) -> bool>| {
        world.hold(held);
        let builder = Controller::of().owns::<Gadget>().sync_timeout(20 * SECOND);
        let run = world.run(world.manager().controller(builder, Scripted::idle(&world)));
        let error = run.handle.await.unwrap().unwrap_err();
        let Error::Failed { source, .. } = error else { panic!("{error:?}") };
        let Some(ControllerError::NotSynced { controller, resource, waited, trouble }) =
            source.downcast_ref()
        else {
            panic!("{source:?}")
        };
        assert_eq!((&**controller, &*resource.plural, *waited), ("configmap", "gadgets", 20 * SECOND));
        let cause = source.source().map(ToString::to_string);
        assert_eq!(cause, trouble.as_ref().map(ToString::to_string), "the cause is in the chain");
        trouble.as_ref().map(|trouble| (trouble.verb(), trouble.reason(), trouble.resource_type().clone()))
    };
    assert_eq!(cause(None).await, Some(("list", "NotFound", Gadget::resource_type())));
    let silent = cause(Some(|_, address| address.contains("gadgets"))).await;
    assert_eq!(silent, None, "the server has said nothing");
}

#[tokio::test(start_paused = true)]
async fn c8_being_told_to_stop_while_the_caches_fill_is_no_error() {
    let world = World::new();
    let builder = Controller::of().owns::<Gadget>();
    let run = world.run(world.manager().controller(builder, Scripted::idle(&world)));
    sleep(SECOND).await;
    run.stop().await.unwrap();
    assert_eq!(world.elapsed_ms() / 1000, 1);
}

#[tokio::test(start_paused = true)]
async fn c14_a_real_change_goes_before_the_objects_of_the_initial_list() {
    let world = World::new();
    for number in 0..20 {
        world.create(&format!("old-{number:02}"), "").await;
    }
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(Duration::from_millis(100)).await;
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of(), scripted.clone()));
    sleep(Duration::from_millis(550)).await;
    world.client.create(&config_map("urgent", "")).await.unwrap();
    sleep(10 * SECOND).await;
    let place = scripted.names().iter().position(|name| name == "urgent").unwrap();
    assert!(place < 9, "served as number {place} of {:?}", scripted.names());
    assert_eq!(scripted.names().len(), 21);
    run.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_range_of_workers_grows_with_the_backlog_up_to_its_end() {
    let world = World::new();
    for number in 0..12 {
        world.create(&format!("{number}"), "").await;
    }
    let scripted = Scripted::new(&world, |_, _, _| {
        Box::pin(async {
            sleep(SECOND).await;
            Ok(Action::done())
        })
    });
    let run = world.run(world.manager().controller(Controller::of().workers(1..=4), scripted.clone()));
    sleep(Duration::from_millis(500)).await;
    let labels = "{controller=\"configmap\"}";
    assert_eq!(world.count(&format!("controller_runtime_active_workers{labels}")), 4);
    sleep(3 * SECOND).await;
    assert_eq!(scripted.names().len(), 12);
    assert_eq!(world.count(&format!("controller_runtime_active_workers{labels}")), 0);
    run.stop().await.unwrap();
}
