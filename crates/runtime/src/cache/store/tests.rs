//! The store on its own: what is read after what was written.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Store, Written};
use crate::cache::reflector::WatchEvent::{Added, Bookmark, Deleted, Modified};
use crate::cache::{CachedObject, ChangeKind, Index, IndexError};
use crate::object::Object;
use crate::testing::{Script, object};

const SOON: Duration = Duration::from_millis(100);

pub(super) fn cached(value: &Value) -> Arc<CachedObject> {
    Arc::new(CachedObject::from_value(value, &ConfigMap::resource_type()).unwrap())
}

pub(super) fn at(name: &str, version: u64) -> Arc<CachedObject> {
    cached(&object(name, version))
}

pub(super) fn with(name: &str, version: u64, words: &str) -> Arc<CachedObject> {
    let mut value = object(name, version);
    value["data"]["words"] = words.into();
    cached(&value)
}

pub(super) fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

pub(super) fn version(number: u64) -> ResourceVersion {
    ResourceVersion::from_number(number)
}

pub(super) fn names<'a>(objects: impl IntoIterator<Item = &'a Arc<CachedObject>>) -> Vec<String> {
    objects.into_iter().map(|object| object.key().name.to_string()).collect()
}

pub(super) fn words_of(object: &CachedObject) -> Vec<String> {
    let value = object.to_value();
    value["data"]["words"].as_str().unwrap_or_default().split_whitespace().map(String::from).collect()
}

fn by_word(store: &Store) -> Index<String> {
    store.index("word", words_of).unwrap()
}

fn told(written: &[Written]) -> Vec<(ChangeKind, &str)> {
    written.iter().map(|change| (change.kind, &*change.object.key().name)).collect()
}

#[test]
fn s1_s2_index_values_follow_updates_and_disappear_with_their_last_object() {
    let store = Store::default();
    let index = by_word(&store);
    let names = |word: &str| names(&index.get(&word.to_owned()));
    store.apply(vec![Added(with("a", 1, "x y")), Added(with("b", 2, "y"))]);
    assert_eq!((names("x"), names("y")), (vec!["a".into()], vec!["a".into(), "b".into()]));
    store.apply(vec![Modified(with("a", 3, "z"))]);
    assert_eq!((names("x"), names("y"), names("z")), (vec![], vec!["b".into()], vec!["a".into()]));
    assert_eq!(index.keys(), ["y", "z"], "x is gone, y has others");
    store.apply(vec![Deleted(with("b", 4, "y"))]);
    assert_eq!((index.keys(), index.count(&"z".into())), (vec!["z".to_owned()], 1));
    store.replace(Vec::new(), &[], &version(5));
    assert!(index.keys().is_empty());
}

#[test]
fn s3_an_index_added_late_holds_what_is_there_and_its_name_must_be_new() {
    let store = Store::default();
    store.apply(vec![Added(at("a", 1))]);
    let by_name = |object: &CachedObject| Some(object.key().name.to_string());
    let index = store.index("name", by_name).unwrap();
    assert_eq!((names(&store.by_index("name", "a")), index.name()), (vec!["a".to_owned()], "name"));
    for taken in ["name", "owner", "namespace"] {
        let error = store.index(taken, by_name).unwrap_err();
        assert_eq!(error, IndexError::Duplicate(taken.into()));
        assert_eq!(error.reason(), "DuplicateIndex");
    }
}

#[test]
fn s3_an_index_that_is_built_while_others_write_catches_up_with_them() {
    let store = Store::default();
    store.apply(vec![
        Added(with("changed", 1, "x")),
        Added(with("gone", 2, "x")),
        Added(with("same", 3, "x y")),
        Added(with("reborn", 4, "x")),
    ]);
    let (writer, mut is_first) = (store.clone(), Some(()));
    let meanwhile = parking_lot::Mutex::new(move || {
        if is_first.take().is_some() {
            writer.apply(vec![
                Modified(with("changed", 5, "z")),
                Deleted(with("gone", 6, "x")),
                Added(with("new", 7, "x")),
                Deleted(with("reborn", 8, "x")),
                Added(with("reborn", 9, "y")),
            ]);
        }
    });
    // The closure is called for the first time when the state that the index is built on has been taken.
    let index = store.index("word", move |object| {
        meanwhile.lock()();
        words_of(object)
    });
    let index = index.unwrap();
    let found = |word: &str| names(&index.get(&word.to_owned()));
    assert_eq!(found("x"), ["new", "same"]);
    assert_eq!((found("y"), found("z")), (vec!["reborn".into(), "same".into()], vec!["changed".to_owned()]));
    store.snapshot().contents.check_invariants();
    store.apply(vec![Modified(with("new", 10, "z"))]);
    assert_eq!((found("x"), found("z")), (vec!["same".into()], vec!["changed".into(), "new".to_owned()]));
}

#[test]
fn the_built_in_indexes_find_by_namespace_and_by_owner() {
    let store = Store::default();
    let mut owned = object("a", 1);
    owned["metadata"]["ownerReferences"] = json!([{"uid": "o-1"}, {"uid": "o-2"}, {"uid": "o-1"}]);
    let mut elsewhere = object("b", 2);
    elsewhere["metadata"]["namespace"] = "default-2".into();
    store.apply(vec![Added(cached(&owned)), Added(cached(&elsewhere))]);
    for uid in ["o-1", "o-2"] {
        assert_eq!(names(&store.by_index("owner", uid)), ["a"]);
    }
    assert_eq!(names(&store.by_index("namespace", "default")), ["a"]);
    assert!(store.by_index("namespace", "nowhere").is_empty() && store.by_index("no such", "a").is_empty());
    owned["metadata"]["ownerReferences"] = json!([{"uid": "o-2"}]);
    owned["metadata"]["resourceVersion"] = "3".into();
    store.apply(vec![Modified(cached(&owned))]);
    assert!(store.by_index("owner", "o-1").is_empty() && store.by_index("owner", "o-2").len() == 1);
}

#[test]
fn s4_f18_a_bookmark_takes_the_version_along_in_order_and_is_no_change() {
    let store = Store::default();
    let written = store.apply(vec![Added(at("a", 5)), Bookmark(version(12)), Modified(at("a", 13))]).written;
    assert_eq!(told(&written), [(ChangeKind::Added, "a"), (ChangeKind::Updated, "a")]);
    assert!(store.apply(vec![Bookmark(version(20)), Bookmark(version(17))]).written.is_empty());
    assert_eq!((store.resource_version(), store.len()), (version(20), 1));
    store.apply(vec![Bookmark(ResourceVersion::parse("")), Deleted(at("a", 19))]);
    assert_eq!((store.resource_version(), store.len()), (version(20), 0), "never back, nor to no version");
}

#[test]
fn s4_a_complete_list_of_an_earlier_version_is_followed() {
    let store = Store::default();
    store.replace(vec![at("a", 90), at("b", 95)], &[], &version(100));
    let written = store.replace(vec![at("a", 40)], &[], &version(50)).written;
    assert_eq!(told(&written), [(ChangeKind::Deleted, "b"), (ChangeKind::Updated, "a")]);
    assert_eq!(store.resource_version(), version(50));
    store.apply(vec![Modified(at("a", 51))]);
    assert_eq!(store.resource_version(), version(51));
}

#[tokio::test(start_paused = true)]
async fn s4_a_version_can_be_awaited_and_a_write_wakes_those_it_reaches() {
    let store = Store::default();
    store.replace(Vec::new(), &[], &version(3));
    let environment = Script::environment();
    let mut waiters: Vec<_> = [9, 5, 9, 12]
        .map(|number| {
            let store = store.clone();
            environment.spawn("waiter", async move { store.wait_for(&version(number)).await })
        })
        .into();
    tokio::task::yield_now().await;
    assert_eq!(store.shared.waiting.len(), 4);
    timeout(SOON, store.wait_for(&version(3))).await.unwrap();
    for (number, left) in [(4, 4), (5, 3), (10, 1)] {
        store.apply(vec![Added(at("a", number))]);
        assert_eq!(store.shared.waiting.len(), left, "after {number}");
    }
    let last = waiters.pop().unwrap();
    for waiter in waiters {
        timeout(SOON, waiter).await.unwrap().unwrap();
    }
    assert!(!last.is_finished());
    store.apply(vec![Bookmark(version(12))]);
    timeout(SOON, last).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn s4_w5_a_version_that_is_no_number_is_reached_by_equality_and_whoever_gives_up_leaves_nothing() {
    let store = Store::default();
    let opaque = ResourceVersion::parse("abc");
    assert!(timeout(SOON, store.wait_for(&opaque)).await.is_err());
    assert!(timeout(SOON, store.wait_for(&version(7))).await.is_err());
    assert_eq!(store.shared.waiting.len(), 0);
    let waiter = {
        let (store, opaque) = (store.clone(), opaque.clone());
        Script::environment().spawn("waiter", async move { store.wait_for(&opaque).await })
    };
    tokio::task::yield_now().await;
    store.replace(Vec::new(), &[], &version(1_000));
    store.replace(Vec::new(), &[], &ResourceVersion::parse("abd"));
    assert_eq!(store.shared.waiting.len(), 1);
    store.replace(Vec::new(), &[], &opaque);
    timeout(SOON, waiter).await.unwrap().unwrap();
    timeout(SOON, store.wait_for(&opaque)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn s4_w5_a_version_that_is_no_number_is_reached_although_others_follow_it_in_the_same_batch() {
    let store = Store::default();
    let opaque = |text: &str| {
        let mut value = object(text, 0);
        value["metadata"]["resourceVersion"] = text.into();
        cached(&value)
    };
    let environment = Script::environment();
    let waiters = ["v-one", "v-two", "v-three"].map(|text| {
        let store = store.clone();
        environment.spawn("waiter", async move { store.wait_for(&ResourceVersion::parse(text)).await })
    });
    tokio::task::yield_now().await;
    store.apply(vec![
        Added(opaque("v-one")),
        Bookmark(ResourceVersion::parse("v-two")),
        Added(opaque("v-three")),
        Added(opaque("v-four")),
    ]);
    for waiter in waiters {
        timeout(SOON, waiter).await.unwrap().unwrap();
    }
}

/// How many events were in the store when each was looked at by an index.
fn reached_at_each(store: &Store) -> Arc<parking_lot::Mutex<Vec<u64>>> {
    let (seen, log) = (Arc::default(), store.clone());
    let reached: Arc<parking_lot::Mutex<Vec<u64>>> = Arc::clone(&seen);
    let index = store.index("reached", move |_| {
        let state = log.shared.published.try_read().expect("no reader waits for a user's closure");
        reached.lock().push(state.resource_version.number().unwrap());
        [0]
    });
    drop(index.unwrap());
    seen
}

#[test]
fn s5_a_large_batch_lets_readers_in_after_32_events_and_while_users_closures_run() {
    let store = Store::default();
    let seen = reached_at_each(&store);
    store.apply((1..=100).map(|number| Added(at(&format!("o{number:03}"), number))).collect());
    let expected: Vec<u64> = (0..100).map(|number| number / 32 * 32).collect();
    assert_eq!(*seen.lock(), expected);
    seen.lock().clear();
    store.replace(
        (1..=3).map(|number| at(&format!("o{number:03}"), 200 + number)).collect(),
        &[],
        &version(300),
    );
    assert_eq!(*seen.lock(), [100; 3], "a list shows as a whole, however it is looked at");
}

#[test]
fn s5_a_writer_does_not_wait_for_those_who_hold_a_snapshot_and_iterate_over_it() {
    let store = Store::default();
    store.replace((1..=100).map(|number| at(&format!("o{number:03}"), number)).collect(), &[], &version(100));
    let held = store.snapshot();
    let (mut one, mut walk) = (held.iter(), 0);
    for number in 101..=200 {
        walk += usize::from(one.next().is_some());
        store.apply(vec![Modified(at("o050", number))]);
        store.replace(vec![at("o050", number)], &[], &version(number));
    }
    assert_eq!((walk, held.len(), store.len()), (100, 100, 1));
}

#[test]
fn s5_a_snapshot_is_one_state_whatever_happens_later() {
    let store = Store::default();
    let index = by_word(&store);
    store.apply(vec![Added(with("a", 1, "x")), Added(with("b", 2, "x y"))]);
    let before = store.snapshot();
    store.apply(vec![Deleted(at("a", 3)), Added(with("c", 4, "x")), Modified(with("b", 5, ""))]);
    assert_eq!(
        (names(before.iter()), before.resource_version()),
        (vec!["a".into(), "b".into()], &version(2))
    );
    let view = index.on(&before).unwrap();
    assert_eq!(names(view.get(&"x".to_owned())), ["a", "b"]);
    assert_eq!((view.keys().count(), view.count(&"y".to_owned())), (2, 1));
    assert_eq!((names(&index.get(&"x".to_owned())), store.len()), (vec!["c".to_owned()], 2));
}

#[test]
fn f17_s13_a_replacement_deletes_first_then_tells_changes_in_list_order_and_shares_what_is_unchanged() {
    let store = Store::default();
    let same = at("same", 1);
    let old = [Arc::clone(&same), at("gone", 2), at("old", 3)];
    store.replace(old.to_vec(), &[], &version(3));
    let written = store.replace(vec![at("z", 9), at("same", 1), at("old", 8)], &[], &version(10)).written;
    let expected = [(ChangeKind::Deleted, "gone"), (ChangeKind::Added, "z"), (ChangeKind::Updated, "old")];
    assert_eq!(told(&written), expected);
    assert!(Arc::ptr_eq(&store.get(&key("same")).unwrap(), &same));
}

#[test]
fn f2_what_a_list_leaves_out_is_deleted_once_with_its_stored_object_and_what_it_could_not_show_stays() {
    let store = Store::default();
    let gone = at("gone", 2);
    store.replace(vec![at("a", 1), Arc::clone(&gone), at("veiled", 3)], &[], &version(3));
    let written = store.replace(vec![at("a", 1)], &[key("veiled"), key("never seen")], &version(9)).written;
    assert_eq!(told(&written), [(ChangeKind::Deleted, "gone")]);
    assert!(Arc::ptr_eq(&written[0].object, &gone));
    assert_eq!(names(store.snapshot().iter()), ["a", "veiled"]);
    assert!(store.replace(vec![at("a", 1)], &[key("veiled")], &version(10)).written.is_empty());
}

#[test]
fn an_object_that_a_list_shows_twice_is_there_once_in_its_last_state() {
    let store = Store::default();
    let written = store.replace(vec![at("b", 2), at("a", 1), at("b", 4)], &[], &version(4)).written;
    let expected = [(ChangeKind::Added, "b"), (ChangeKind::Added, "a"), (ChangeKind::Updated, "b")];
    assert_eq!(told(&written), expected);
    assert_eq!(store.get(&key("b")).unwrap().resource_version(), &version(4));
    assert_eq!(store.len(), 2);
}

#[test]
fn all_versions_of_an_object_share_the_texts_of_its_key() {
    let store = Store::default();
    store.apply(vec![Added(at("a", 1)), Added(at("b", 2))]);
    let first = store.get(&key("a")).unwrap();
    store.apply(vec![Modified(at("a", 3))]);
    store.replace(vec![at("a", 4)], &[], &version(4));
    let last = store.get(&key("a")).unwrap();
    assert_eq!(last.resource_version(), &version(4));
    assert!(Arc::ptr_eq(&first.key().name, &last.key().name));
}
