//! Subscriptions and informers together, against a scripted server.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::object::Object;
use crate::testing::{Script, list, object, shown, status, stream};

const SOON: Duration = Duration::from_millis(100);

fn configmaps() -> ResourceType {
    ConfigMap::resource_type()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn version(number: u64) -> ResourceVersion {
    ResourceVersion::from_number(number)
}

fn informers(script: &Script) -> Informers {
    Informers::new(script.client(), Script::environment(), script.metrics.clone())
}

/// `+a@3` for each change that is there, with `!` in front when initial.
async fn taken(subscription: &mut Subscription) -> Vec<String> {
    let mut words = Vec::new();
    while let Ok(Some(change)) = timeout(SOON, subscription.next()).await {
        let kind = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Updated => '~',
            ChangeKind::Deleted => '-',
            ChangeKind::Resync => '=',
        };
        let initial = if change.initial { "!" } else { "" };
        words.push(format!("{initial}{kind}{}@{}", change.key().name, change.object.resource_version()));
    }
    words
}

#[tokio::test(start_paused = true)]
async fn s7_s8_s9_subscribers_before_and_after_the_start_get_everything_once_and_do_not_disturb_each_other() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2)]), watch]);
    let informer = informers(&script).informer(&configmaps());
    let (mut early, idle) = (informer.subscribe(), informer.subscribe());
    assert!(informer.wait_synced().await && !early.has_synced());
    assert_eq!(taken(&mut early).await, ["!+a@1", "!+b@2"]);
    assert!(early.has_synced() && !idle.has_synced());
    feed.event("MODIFIED", &object("a", 8));
    assert_eq!(taken(&mut early).await, ["~a@8"]);
    let mut late = informer.subscribe();
    assert!(!late.has_synced());
    drop(idle);
    feed.event("DELETED", &object("b", 9));
    assert_eq!(taken(&mut early).await, ["-b@9"]);
    assert_eq!(taken(&mut late).await, ["!+a@8"]);
    assert!(late.has_synced());
}

#[tokio::test(start_paused = true)]
async fn f10_f11_synced_means_that_the_last_initial_change_was_dealt_with_at_once_when_there_is_none() {
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2)])]);
    let informer = informers(&script).informer(&configmaps());
    let mut subscription = informer.subscribe();
    subscription.next().await.unwrap();
    subscription.next().await.unwrap();
    assert!(!subscription.has_synced(), "the second is still in the subscriber's hands");
    assert!(timeout(SOON, subscription.next()).await.is_err());
    assert!(subscription.has_synced());
    let empty = Script::of([list(7, "", &[])]);
    let informer = informers(&empty).informer(&configmaps());
    let subscription = informer.subscribe();
    timeout(SOON, subscription.synced().done()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f20_what_waits_for_a_slow_subscriber_is_one_change_per_object_with_what_it_replaced() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1), object("b", 2)]), watch]);
    let informer = informers(&script).informer(&configmaps());
    let mut subscription = informer.subscribe();
    assert_eq!(taken(&mut subscription).await.len(), 2);
    for version in 10..1000 {
        feed.event("MODIFIED", &object("a", version));
    }
    feed.event("DELETED", &object("b", 1000));
    feed.event("ADDED", &object("c", 1001));
    feed.event("DELETED", &object("c", 1002));
    informer.store().wait_for(&version(1002)).await;
    assert_eq!(subscription.len(), 3);
    let change = subscription.next().await.unwrap();
    assert_eq!(change.object.resource_version(), &version(999));
    assert_eq!(change.previous.unwrap().resource_version(), &version(1), "what the subscriber saw last");
    assert_eq!(taken(&mut subscription).await, ["-b@1000", "-c@1002"]);
}

#[tokio::test(start_paused = true)]
async fn s14_after_a_lost_watch_subscribers_see_one_change_per_real_difference() {
    let (feed, watch) = stream();
    let script = Script::of([
        list(7, "", &[object("changed", 1), object("gone", 2), object("same", 3)]),
        watch,
        status(410, "Gone"),
        list(20, "", &[object("changed", 15), object("new", 16), object("same", 3)]),
    ]);
    let informer = informers(&script).informer(&configmaps());
    let mut subscription = informer.subscribe();
    assert_eq!(taken(&mut subscription).await.len(), 3);
    drop(feed);
    informer.store().wait_for(&version(20)).await;
    assert_eq!(taken(&mut subscription).await, ["-gone@2", "~changed@15", "+new@16"]);
}

#[tokio::test(start_paused = true)]
async fn s11_s18_shutting_down_ends_subscriptions_and_waits_and_a_stopped_informer_stays_stopped() {
    let script = Script::default();
    let informers = informers(&script);
    let informer = informers.informer(&configmaps());
    let mut subscription = informer.subscribe();
    informers.shut_down();
    assert!(!timeout(SOON, informers.wait_synced()).await.unwrap() && !informer.wait_synced().await);
    assert!(timeout(SOON, subscription.next()).await.unwrap().is_none() && informer.is_stopped());
    assert!(informer.subscribe().next().await.is_none());
    assert!(
        informers
            .informer(&ResourceType::cluster("", "v1", "nodes", "Node"))
            .subscribe()
            .next()
            .await
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn s18_stopping_in_the_middle_of_the_first_list_ends_every_task_and_waiters_hear_not_synced() {
    let script = Script::of([list(7, "more", &[object("a", 1)])]);
    let informers = informers(&script);
    let informer = informers.informer(&configmaps());
    let mut subscription = informer.subscribe();
    let handler = informer.handle(HandlerOptions::default(), |_| std::future::ready(())).unwrap();
    let (waiting, all) = (informer.clone(), informers.clone());
    let waiters = Script::environment()
        .spawn("waiters", async move { (waiting.wait_synced().await, all.wait_synced().await) });
    tokio::time::sleep(SOON).await;
    assert_eq!(
        (script.trace(), informer.is_stopped()),
        ("LL".into(), false),
        "the second page does not come"
    );
    informers.shut_down();
    assert_eq!(timeout(SOON, waiters).await.unwrap().unwrap(), (false, false));
    assert_eq!(timeout(SOON, handler.wait()).await.unwrap(), Ok(()));
    assert!(timeout(SOON, subscription.next()).await.unwrap().is_none() && !subscription.has_synced());
    assert!(informer.is_stopped() && informer.failure().is_none());
}

#[tokio::test(start_paused = true)]
async fn r21_a_panic_in_the_informers_task_stops_it_and_tells_why() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
    let informers = informers(&script);
    let informer = informers.informer(&configmaps());
    let _bomb = super::fixture::bomb(&informer);
    let mut subscription = informer.subscribe();
    assert_eq!(taken(&mut subscription).await, ["!+a@1"]);
    feed.event("ADDED", &object("b", 8));
    let failure = timeout(SOON, informers.failed()).await.unwrap();
    assert_eq!((failure.message(), failure.resource_type()), ("out of order", &configmaps()));
    assert!(informer.is_stopped() && informer.failure() == Some(failure));
    assert!(timeout(SOON, subscription.next()).await.unwrap().is_none());
    assert!(informer.handle(HandlerOptions::default(), |_| std::future::ready(())).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stalling_subscriber_makes_the_informer_stop_reading_and_it_goes_on_where_it_was() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
    let informer = informers(&script).informer(&configmaps());
    let mut lossless = informer.subscribe_lossless(LosslessOptions::default().limit(1));
    assert!(informer.wait_synced().await);
    feed.event("MODIFIED", &object("a", 8));
    tokio::time::sleep(SOON).await;
    for version in 9..20 {
        feed.event("MODIFIED", &object("a", version));
    }
    tokio::time::sleep(SOON).await;
    assert_eq!(informer.store().resource_version(), version(8), "nothing more is read");
    let mut versions = Vec::new();
    while let Ok(Some(LosslessEvent::Change(change))) = timeout(SOON, lossless.next()).await {
        versions.push(change.object.resource_version().number().unwrap());
    }
    assert_eq!(versions, [1].into_iter().chain(8..20).collect::<Vec<_>>());
    feed.event("MODIFIED", &object("a", 20));
    tokio::time::sleep(SOON).await;
    feed.event("MODIFIED", &object("a", 21));
    tokio::time::sleep(SOON).await;
    assert_eq!(informer.store().resource_version(), version(20));
    drop(lossless);
    tokio::time::sleep(SOON).await;
    assert_eq!(informer.store().resource_version(), version(21), "released at once");
}

#[tokio::test(start_paused = true)]
async fn an_informer_is_shared_and_its_watch_ends_with_its_last_holder() {
    let (feed, watch) = stream();
    let script = Script::of([list(7, "", &[object("a", 1)]), watch]);
    let informers = informers(&script);
    let lister = informers.lister::<ConfigMap>();
    assert!(informers.wait_synced().await);
    assert_eq!(lister.get(&key("a")).unwrap().unwrap().data.as_ref().unwrap()["version"], "1");
    assert_eq!(informers.informer_of::<ConfigMap>().store().snapshot().len(), 1);
    tokio::time::sleep(SOON).await;
    assert_eq!(script.trace(), "LW", "one list and one watch for all");
    drop(informers);
    tokio::time::sleep(SOON).await;
    assert!(feed.is_read(), "the lister still holds it");
    drop(lister);
    tokio::time::sleep(SOON).await;
    assert!(!feed.is_read());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_fit_the_type_fails_the_reads_that_meet_it_and_can_be_told_apart() {
    let mut broken = object("b", 2);
    broken["data"] = json!("not a map");
    let script = Script::of([list(7, "", &[object("a", 1), broken, object("c", 3)])]);
    let informers = informers(&script);
    let lister = informers.lister::<ConfigMap>();
    assert!(informers.wait_synced().await);
    assert_eq!(lister.list().unwrap_err().key(), Some(&key("b")));
    assert!(lister.get(&key("b")).is_err() && lister.in_namespace("default").is_err());
    assert_eq!(lister.select(|object| &*object.key().name != "b").unwrap().len(), 2);
    let readable = lister.list_readable();
    let names: Vec<_> = readable.objects.iter().map(|object| object.metadata.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("c")]);
    assert_eq!((readable.unreadable.len(), readable.unreadable[0].key()), (1, &key("b")));
    let counted = [("reason", "UnreadableObject")];
    assert_eq!(shown(&script.metrics, "pilothouse_informer_unreadable_total", &counted), Some(4.0));
}

#[tokio::test(start_paused = true)]
async fn s17_whatever_the_events_and_the_pace_the_last_view_of_a_subscriber_is_the_state() {
    let environment = Script::environment();
    let (mut feed, watch) = stream();
    let script = Script::of([list(1, "", &[]), watch]);
    let informer = informers(&script).informer(&configmaps());
    let mut subscription = informer.subscribe();
    let mut truth: BTreeMap<String, u64> = BTreeMap::new();
    let mut view: BTreeMap<String, u64> = BTreeMap::new();
    for revision in 2..600_u64 {
        let name = format!("o{}", environment.random_index(12));
        match (truth.contains_key(&name), environment.random_index(3)) {
            (true, 0) => {
                truth.remove(&name);
                feed.event("DELETED", &object(&name, revision));
            }
            (true, _) => {
                truth.insert(name.clone(), revision);
                feed.event("MODIFIED", &object(&name, revision));
            }
            (false, _) => {
                truth.insert(name.clone(), revision);
                feed.event("ADDED", &object(&name, revision));
            }
        }
        if environment.random_index(40) == 0 {
            // The connection breaks, the history is gone, and the list shows what is there.
            let items: Vec<_> = truth.iter().map(|(name, revision)| object(name, *revision)).collect();
            let (next, watch) = stream();
            script.then(status(410, "Gone"));
            script.then(list(revision, "", &items));
            script.then(watch);
            feed = next;
        }
        for _ in 0..environment.random_index(3) {
            take(&mut subscription, &mut view).await;
        }
    }
    while take(&mut subscription, &mut view).await {}
    assert_eq!(view, truth);
}

async fn take(subscription: &mut Subscription, view: &mut BTreeMap<String, u64>) -> bool {
    let Ok(Some(change)) = timeout(Duration::from_secs(2), subscription.next()).await else { return false };
    let name = change.key().name.to_string();
    let before = view.get(&name).copied();
    match change.kind {
        ChangeKind::Deleted => view.remove(&name),
        _ => view.insert(name, change.object.resource_version().number().unwrap()),
    };
    if change.kind == ChangeKind::Added {
        assert_eq!(before, None, "an addition of what the subscriber has seen");
    }
    true
}
