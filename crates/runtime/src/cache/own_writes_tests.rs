//! Reads of a cache that does not show one's own writes yet.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use serde_json::json;

use super::reflector::WatchEvent::{Added, Bookmark, Deleted, Modified};
use super::{CachedObject, OwnWrites, Store};
use crate::object::Object;
use crate::testing::object;

fn version(number: u64) -> ResourceVersion {
    ResourceVersion::from_number(number)
}

fn key() -> ObjectKey {
    ObjectKey::new("default", "a")
}

/// The object `a` in one of its lives.
fn life(uid: &str, at: u64) -> Arc<CachedObject> {
    let mut value = object("a", at);
    value["metadata"]["uid"] = uid.into();
    Arc::new(CachedObject::from_value(&value, &ConfigMap::resource_type()).unwrap())
}

fn world() -> (Store, OwnWrites) {
    let store = Store::default();
    store.apply(vec![Added(life("one", 5))]);
    let own = OwnWrites::new(store.clone(), 3, Duration::from_mins(1));
    (store, own)
}

/// The version that a read shows, one by key and one that lists.
fn shown(store: &Store, own: &OwnWrites) -> Option<u64> {
    let snapshot = store.snapshot();
    let number = |object: &Arc<CachedObject>| object.resource_version().number().unwrap();
    let one = own.get(&snapshot, &key()).as_ref().map(number);
    let view = own.on(&snapshot);
    let listed: Vec<_> = snapshot.query().with_own(&view).iter().map(number).collect();
    assert_eq!(one, listed.first().copied());
    one
}

#[tokio::test(start_paused = true)]
async fn s6_an_own_write_is_read_until_the_store_has_caught_up() {
    let (store, own) = world();
    own.wrote(life("one", 9));
    own.wrote(life("one", 8));
    assert_eq!((shown(&store, &own), own.len()), (Some(9), 1), "whichever answer comes in last");
    store.apply(vec![Modified(life("one", 7))]);
    assert_eq!(shown(&store, &own), Some(9));
    store.apply(vec![Modified(life("one", 9)), Modified(life("one", 11))]);
    assert_eq!((shown(&store, &own), own.len()), (Some(11), 0));
    own.wrote(life("one", 20));
    store.apply(vec![Deleted(life("one", 21))]);
    assert_eq!((shown(&store, &own), own.len()), (None, 0), "the store saw it and its end");
    own.wrote(life("two", 30));
    assert_eq!(shown(&store, &own), Some(30), "a creation that the store has not seen");
    store.apply(vec![Bookmark(version(30))]);
    assert_eq!(shown(&store, &own), None, "nor will it: something deleted it before");
}

#[tokio::test(start_paused = true)]
async fn s6_an_own_deletion_hides_the_object_of_its_uid_and_no_other() {
    for at in [version(0), version(9)] {
        let (store, own) = world();
        own.deleted(&key(), &Uid::from("one"), &at);
        assert_eq!(shown(&store, &own), None);
        store.apply(vec![Modified(life("one", 6))]);
        assert_eq!(shown(&store, &own), None);
        own.deleted(&key(), &Uid::from("another life"), &version(0));
        assert_eq!(shown(&store, &own), None, "of which nothing is known here");
        store.apply(vec![Deleted(life("one", 9)), Added(life("two", 10))]);
        assert_eq!((shown(&store, &own), own.len()), (Some(10), 0), "created again");
        own.deleted(&key(), &Uid::from("two"), &version(0));
        own.wrote(life("two", 11));
        assert_eq!(shown(&store, &own), None, "what is deleted stays so");
        own.wrote(life("three", 12));
        assert_eq!(shown(&store, &own), Some(12));
    }
}

#[tokio::test(start_paused = true)]
async fn s6_own_writes_are_bounded_in_number_and_time_and_a_restored_server_is_believed() {
    let (store, own) = world();
    own.wrote(life("one", 9));
    for name in ["b", "c", "d"] {
        let value = object(name, 9);
        own.wrote(Arc::new(CachedObject::from_value(&value, &ConfigMap::resource_type()).unwrap()));
    }
    assert_eq!((own.len(), shown(&store, &own)), (3, Some(5)), "the oldest gave way");
    own.wrote(life("one", 10));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(shown(&store, &own), Some(10));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((shown(&store, &own), own.is_empty()), (Some(5), true));
    own.wrote(life("one", 20));
    store.replace(vec![life("one", 3)], &[], &version(4));
    assert_eq!((shown(&store, &own), own.is_empty()), (Some(3), true));
}

#[tokio::test(start_paused = true)]
async fn s6_w5_writes_whose_versions_do_not_compare_are_not_noted() {
    let (store, own) = world();
    let mut value = object("a", 9);
    value["metadata"]["resourceVersion"] = "abc".into();
    own.wrote(Arc::new(CachedObject::from_value(&value, &ConfigMap::resource_type()).unwrap()));
    assert_eq!((shown(&store, &own), own.is_empty()), (Some(5), true));
}

#[tokio::test(start_paused = true)]
async fn s6_lists_by_index_and_by_label_show_own_writes_where_they_belong() {
    let (store, own) = world();
    let mut value = object("a", 9);
    value["metadata"]["labels"] = json!({"app": "web"});
    value["metadata"]["ownerReferences"] = json!([{"uid": "o-1"}]);
    own.wrote(Arc::new(CachedObject::from_value(&value, &ConfigMap::resource_type()).unwrap()));
    let by_version = store.index("version", |object| object.resource_version().number()).unwrap();
    let (snapshot, web) = (store.snapshot(), "app=web".parse().unwrap());
    let view = own.on(&snapshot);
    let query = || snapshot.query().with_own(&view);
    assert_eq!((query().labels(&web).count(), query().index_named("owner", "o-1").count()), (1, 1));
    assert_eq!((query().index(&by_version, &9).count(), query().index(&by_version, &5).count()), (1, 0));
    assert_eq!((query().namespace("default").count(), query().namespace("elsewhere").count()), (1, 0));
}
