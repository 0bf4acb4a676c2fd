//! Store, subscriptions and informers together, against a scripted server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::reflector::WatchEvent;
use super::*;
use crate::object::Object;
use crate::testing::{Script, list, object, status, stream};

const SOON: Duration = Duration::from_millis(100);

fn configmaps() -> ResourceType {
    ConfigMap::resource_type()
}

fn cached(value: &Value) -> Arc<CachedObject> {
    Arc::new(CachedObject::from_value(value, &configmaps()).unwrap())
}

fn at(name: &str, version: u64) -> Arc<CachedObject> {
    cached(&object(name, version))
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

#[test]
fn s1_s2_index_values_follow_updates_and_disappear_with_their_last_object() {
    let store = Store::default();
    let words = |object: &CachedObject| -> Vec<String> {
        let value = object.to_value();
        value["data"]["words"].as_str().unwrap_or_default().split_whitespace().map(String::from).collect()
    };
    store.add_index("word", Arc::new(words)).unwrap();
    let with = |name: &str, version: u64, words: &str| {
        let mut value = object(name, version);
        value["data"]["words"] = words.into();
        cached(&value)
    };
    let names = |word: &str| -> Vec<String> {
        store.by_index("word", word).iter().map(|object| object.key().name.to_string()).collect()
    };
    store.apply(&[WatchEvent::Added(with("a", 1, "x y")), WatchEvent::Added(with("b", 2, "y"))]);
    assert_eq!((names("x"), names("y")), (vec!["a".into()], vec!["a".into(), "b".into()]));
    store.apply(&[WatchEvent::Modified(with("a", 3, "z"))]);
    assert_eq!((names("x"), names("y"), names("z")), (vec![], vec!["b".into()], vec!["a".into()]));
    store.apply(&[WatchEvent::Deleted(with("b", 4, "y"))]);
    assert_eq!(store.snapshot().contents.index("word").unwrap().value_count(), 1, "only z is left");
}

#[test]
fn s3_an_index_added_late_holds_what_is_there_and_its_name_must_be_new() {
    let store = Store::default();
    store.apply(&[WatchEvent::Added(at("a", 1))]);
    let by_name = |object: &CachedObject| vec![object.key().name.to_string()];
    store.add_index("name", Arc::new(by_name)).unwrap();
    assert_eq!(store.by_index("name", "a").len(), 1);
    for taken in ["name", "owner", "namespace"] {
        assert_eq!(store.add_index(taken, Arc::new(by_name)), Err(IndexError::Duplicate(taken.into())));
    }
}

#[test]
fn the_built_in_indexes_find_by_namespace_and_by_owner() {
    let store = Store::default();
    let mut owned = object("a", 1);
    owned["metadata"]["ownerReferences"] = json!([{"uid": "o-1"}, {"uid": "o-2"}]);
    let mut elsewhere = object("b", 2);
    elsewhere["metadata"]["namespace"] = "default-2".into();
    store.apply(&[WatchEvent::Added(cached(&owned)), WatchEvent::Added(cached(&elsewhere))]);
    for uid in ["o-1", "o-2"] {
        assert_eq!(store.by_index("owner", uid)[0].key(), &key("a"));
    }
    let in_default = store.by_index("namespace", "default");
    assert_eq!((in_default.len(), in_default[0].key()), (1, &key("a")));
    assert_eq!(store.by_index("namespace", "nowhere").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn s4_the_stores_version_advances_with_events_and_bookmarks_never_back_and_can_be_awaited() {
    let store = Store::default();
    let waiting = {
        let store = store.clone();
        Script::environment().spawn("waiter", async move { store.wait_for(&version(9)).await })
    };
    tokio::task::yield_now().await;
    store.apply(&[WatchEvent::Added(at("a", 5))]);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    store.apply(&[WatchEvent::Bookmark(version(12))]);
    timeout(SOON, waiting).await.unwrap().unwrap();
    store.apply(&[WatchEvent::Bookmark(version(7))]);
    store.replace(vec![at("a", 5)], &[], &version(6));
    assert_eq!(store.resource_version(), version(12));
    timeout(SOON, store.wait_for(&version(12))).await.unwrap();
    assert!(timeout(SOON, store.wait_for(&version(13))).await.is_err());
}

#[test]
fn s4_an_event_without_a_version_does_not_take_the_stores_version_away() {
    let store = Store::default();
    store.apply(&[WatchEvent::Added(at("a", 5)), WatchEvent::Bookmark(ResourceVersion::parse(""))]);
    assert_eq!(store.resource_version(), version(5));
}

#[test]
fn s5_a_snapshot_is_one_state_whatever_happens_later() {
    let store = Store::default();
    store.apply(&[WatchEvent::Added(at("a", 1)), WatchEvent::Added(at("b", 2))]);
    let before = store.snapshot();
    store.apply(&[WatchEvent::Deleted(at("a", 3)), WatchEvent::Added(at("c", 4))]);
    assert_eq!(before.iter().map(|object| &*object.key().name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((before.resource_version(), store.snapshot().len()), (&version(2), 2));
}

#[test]
fn f17_s13_a_replacement_deletes_first_then_tells_changes_in_list_order_and_shares_what_is_unchanged() {
    let store = Store::default();
    let same = at("same", 1);
    let old = [Arc::clone(&same), at("gone", 2), at("old", 3)];
    store.replace(old.to_vec(), &[], &version(3));
    let written = store.replace(vec![at("z", 9), at("same", 1), at("old", 8)], &[], &version(10));
    let told: Vec<_> = written.iter().map(|w| (w.kind, &*w.object.key().name)).collect();
    let expected = [(ChangeKind::Deleted, "gone"), (ChangeKind::Added, "z"), (ChangeKind::Updated, "old")];
    assert_eq!(told, expected);
    assert!(Arc::ptr_eq(&store.get(&key("same")).unwrap(), &same));
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
    assert_eq!(lister.list().unwrap_err().key(), &key("b"));
    assert!(lister.get(&key("b")).is_err() && lister.in_namespace("default").is_err());
    assert_eq!(lister.select(|object| &*object.key().name != "b").unwrap().len(), 2);
    let readable = lister.list_readable();
    let names: Vec<_> = readable.objects.iter().map(|object| object.metadata.name.as_deref()).collect();
    assert_eq!(names, [Some("a"), Some("c")]);
    assert_eq!((readable.unreadable.len(), readable.unreadable[0].key()), (1, &key("b")));
    let counted = "pilothouse_informer_unreadable_total{resource=\"configmaps/v1\"} 4";
    assert!(script.metrics.encode().contains(counted));
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

#[tokio::test(start_paused = true)]
async fn options_left_open_are_as_the_informer_runs_and_others_that_differ_are_refused_with_both() {
    let informers = informers(&Script::default());
    let running =
        informers.informer_with(&configmaps(), InformerOptions::default().with_page_size(10)).unwrap();
    assert_eq!(informers.informer(&configmaps()).options(), running.options());
    let alike = InformerOptions::default().with_page_size(10).with_format(WireFormat::Json);
    assert!(informers.informer_with(&configmaps(), alike).is_ok());
    let other = InformerOptions::default().with_transform(Transform::new("strip", |_| ()));
    let error = informers.informer_with(&configmaps(), other).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("transform is none where it runs and strip where it is asked for"), "{said}");
    assert_eq!(informers.all().len(), 1);
}
