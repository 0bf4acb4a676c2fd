//! The operator against an API server in the same process, in paused time, and the rights that it needs.
#![expect(clippy::unwrap_used, reason = "scenarios of tests")]

mod world;

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use k8s_openapi::api::rbac::v1::ClusterRole;
use pilothouse::{DeleteOptions, ListOptions, ObjectExt, ObjectKey, Patch};
use pilothouse_apiserver::{Grant, Permissions, RequestRecord, Trouble};
use serde_json::json;
use tokio::time::sleep;
use website_operator::{FINALIZER, Website};
use world::{NAMESPACE, World, account, route, shop};

/// What the operator may do.
const MANIFEST: &str = include_str!("../deploy/rbac.yaml");

/// Each scenario is a test with the rights in [`MANIFEST`], also where things go wrong; [`whole_suite`] runs all of
/// them for what they ask of the server.
macro_rules! suite {
    ($($scenario:ident),+ $(,)?) => {
        suite!(calm: None, $($scenario),+);
        suite!(with_conflicts: Some(pilothouse_apiserver::Trouble::Conflict), $($scenario),+);
        suite!(with_lost_answers: Some(pilothouse_apiserver::Trouble::LostAnswer), $($scenario),+);
        suite!(on_an_older_server: Some(pilothouse_apiserver::Trouble::NoStreamingLists), $($scenario),+);

        async fn whole_suite() -> Vec<RequestRecord> {
            let mut records = Vec::new();
            for trouble in std::iter::once(None).chain(Trouble::ALL.map(Some)) {
                $(records.extend(run(None, trouble, $scenario).await);)+
            }
            records
        }
    };
    ($module:ident: $trouble:expr, $($scenario:ident),+) => {
        mod $module {
            $(
                #[tokio::test(start_paused = true)]
                async fn $scenario() {
                    super::run(Some(super::MANIFEST), $trouble, super::$scenario).await;
                }
            )+
        }
    };
}

suite! {
    a_website_becomes_a_deployment_and_a_route_and_its_status_follows,
    what_others_change_or_delete_is_put_back,
    a_site_goes_when_its_route_is_gone_also_if_nobody_was_there_when_it_was_deleted,
    a_route_that_is_gone_already_holds_nothing_up,
    the_operator_survives_a_dropped_watch_and_a_restart_of_the_server,
    the_operator_stops_within_its_grace_period_also_while_the_server_is_away,
    an_idle_operator_writes_nothing,
    another_replica_goes_on_where_the_leader_has_stopped,
}

async fn run(
    manifest: Option<&str>,
    trouble: Option<Trouble>,
    scenario: impl AsyncFn(&mut World),
) -> Vec<RequestRecord> {
    let mut world = World::new(manifest, trouble).await;
    scenario(&mut world).await;
    let records = world.end().await;
    let denied = records.iter().find(|request| request.code == Some(403));
    assert!(denied.is_none(), "{denied:?}");
    records
}

/// The rights in the manifest are just what the suite needs. `PILOTHOUSE_WRITE_RBAC=1` writes the manifest anew.
#[tokio::test(start_paused = true)]
async fn z1_the_manifest_grants_what_the_website_operator_does_and_nothing_else() {
    #[expect(clippy::disallowed_methods, reason = "a switch for people who run the test")]
    let rewrite = std::env::var_os("PILOTHOUSE_WRITE_RBAC").is_some();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rbac.yaml");
    let recorded = Permissions::recorded(&account(), &whole_suite().await);
    if let Err(error) = recorded.check(&file, rewrite) {
        panic!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    }
}

/// The manifest without the rights that `is_taken` names.
fn without(is_taken: impl Fn(&Grant) -> bool) -> String {
    let granted = Permissions::in_manifest(&account(), MANIFEST).unwrap();
    let taken: Vec<_> = granted.grants().filter(|grant| is_taken(grant)).cloned().collect();
    assert!(!taken.is_empty());
    taken.iter().fold(granted, Permissions::without).manifest()
}

#[tokio::test(start_paused = true)]
async fn z1_without_one_right_the_server_says_which_and_the_operator_goes_on_when_it_is_given() {
    let manifest = without(|grant| grant.to_string() == "create deployments.apps everywhere");
    let mut world = World::new(Some(&manifest), None).await;
    world.start(None);
    world.create(1).await;
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.replicas().await, None);
    let log = world.server.request_log();
    let refused: Vec<_> = log.iter().filter(|request| request.code == Some(403)).collect();
    assert!(!refused.is_empty());
    for request in refused {
        assert_eq!((&*request.user, &*request.resource), (&*account().user(), "deployments"));
    }
    let role = Patch::Merge(json!({"rules": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "get", "list", "patch", "watch"]},
        {"apiGroups": ["example.pilothouse.dev"], "resources": ["*"], "verbs": ["*"]},
    ]}));
    let name = ObjectKey::cluster("website-operator");
    world.client.patch::<ClusterRole>(&name, &role).await.unwrap();
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn z1_an_operator_that_may_not_look_ends_and_says_what_to_grant() {
    let manifest =
        without(|grant| matches!(&*grant.verb, "list" | "watch") && grant.to_string().contains("websites"));
    let mut world = World::new(Some(&manifest), None).await;
    world.start(None);
    let error = world.outcome().await.unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    assert!(text.contains("grant") && text.contains("watch") && text.contains("websites"), "{text}");
}

async fn a_website_becomes_a_deployment_and_a_route_and_its_status_follows(world: &mut World) {
    world.start(None);
    let site = world.create(3).await;
    world.until("a deployment of 3", async |world| world.replicas().await == Some(3)).await;
    let deployment = world.deployment().await.unwrap();
    assert_eq!(deployment.controller().unwrap().uid, site.uid());
    world.until("a status", async |world| world.condition("Ready").await == Some(false)).await;
    assert_eq!(world.routed().await.as_deref(), Some("shop.example"));
    assert_eq!((world.condition("Routed").await, world.status().await.url), (Some(true), None));
    for _ in 0..2 {
        world.ready(3).await;
        world.until("ready", async |world| world.condition("Ready").await == Some(true)).await;
        let status = world.status().await;
        assert_eq!((status.url.as_deref(), status.ready_replicas), (Some("https://shop.example/"), 3));
        world.ready(2).await;
        world.until("not ready", async |world| world.condition("Ready").await == Some(false)).await;
    }
    world.scale(5).await;
    world.until("a deployment of 5", async |world| world.replicas().await == Some(5)).await;
    world.until("seen", async |world| world.status().await.observed_generation == Some(2)).await;
    let events = world.client.list::<Event>(Some("default"), &ListOptions::default()).await.unwrap();
    if world.is_calm() {
        assert_eq!(events.iter().map(|event| event.count).collect::<Vec<_>>(), [Some(2)], "{events:?}");
    }
}

async fn what_others_change_or_delete_is_put_back(world: &mut World) {
    world.start(None);
    world.create(2).await;
    world.until("a deployment", async |world| world.replicas().await == Some(2)).await;
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}}));
    world.client.patch::<Deployment>(&shop(), &patch).await.unwrap();
    world.until("scaled back", async |world| world.replicas().await == Some(2)).await;
    world.client.delete::<Deployment>(&shop(), &DeleteOptions::default()).await.unwrap();
    world.until("made anew", async |world| world.replicas().await == Some(2)).await;
}

async fn a_site_goes_when_its_route_is_gone_also_if_nobody_was_there_when_it_was_deleted(world: &mut World) {
    world.start(None);
    world.create(1).await;
    world.until("a route", async |world| world.routed().await.is_some()).await;
    world.stop().await;
    world.client.delete::<Website>(&shop(), &DeleteOptions::default()).await.unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(world.site().await.unwrap().metadata.finalizers, Some(vec![FINALIZER.to_owned()]));
    assert!(world.routed().await.is_some());
    world.start(None);
    world
        .until("the site gone", async |world| {
            // Looked at in this order, the route is seen whenever the site went before it.
            let (gone, routed) = (world.site().await.is_none(), world.routed().await.is_some());
            assert!(!(gone && routed), "the site is gone and its route is not");
            gone
        })
        .await;
}

async fn a_route_that_is_gone_already_holds_nothing_up(world: &mut World) {
    world.start(None);
    world.create(1).await;
    world.until("a status", async |world| world.condition("Routed").await == Some(true)).await;
    world.client.delete::<ConfigMap>(&route(), &DeleteOptions::default()).await.unwrap();
    world.client.delete::<Website>(&shop(), &DeleteOptions::default()).await.unwrap();
    world.until("the site gone", async |world| world.site().await.is_none()).await;
}

async fn the_operator_survives_a_dropped_watch_and_a_restart_of_the_server(world: &mut World) {
    world.start(None);
    world.create(1).await;
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.server.drop_watches();
    world.scale(2).await;
    world.until("scaled after the dropped watch", async |world| world.replicas().await == Some(2)).await;

    world.scale(3).await;
    world.server.set_available(false);
    sleep(Duration::from_mins(5)).await;
    world.server.compact(None);
    world.server.set_available(true);
    world.until("scaled after the outage", async |world| world.replicas().await == Some(3)).await;
    world.ready(3).await;
    world.until("ready", async |world| world.status().await.ready_replicas == 3).await;
}

async fn the_operator_stops_within_its_grace_period_also_while_the_server_is_away(world: &mut World) {
    world.start(None);
    world.create(1).await;
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.server.set_available(false);
    sleep(Duration::from_secs(30)).await;
}

async fn an_idle_operator_writes_nothing(world: &mut World) {
    world.start(None);
    world.create(1).await;
    world.until("a status", async |world| world.condition("Ready").await.is_some()).await;
    sleep(Duration::from_secs(5)).await;
    let writes = |world: &World| {
        let log = world.server.request_log();
        log.iter().filter(|request| !matches!(&*request.verb, "get" | "list" | "watch")).count()
    };
    let before = writes(world);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(writes(world), before);
}

async fn another_replica_goes_on_where_the_leader_has_stopped(world: &mut World) {
    world.start(Some("a"));
    world.create(1).await;
    world.until("a deployment", async |world| world.replicas().await == Some(1)).await;
    world.start(Some("b"));
    sleep(Duration::from_mins(1)).await;
    world.stop().await;
    world.scale(2).await;
    world.until("scaled by the other", async |world| world.replicas().await == Some(2)).await;
    let lease: Lease = world.client.get(&ObjectKey::new(NAMESPACE, "website-operator")).await.unwrap();
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some("b"));
}
