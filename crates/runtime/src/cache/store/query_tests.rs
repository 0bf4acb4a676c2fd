//! Queries and indexes: several conditions, closures that misbehave, snapshots older than an index.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pilothouse_machinery::selector::LabelSelector;
use serde_json::json;

use super::Store;
use super::tests::{at, cached, key, names, with, words_of};
use crate::cache::CachedObject;
use crate::cache::reflector::WatchEvent::{Added, Deleted, Modified};
use crate::testing::object;

fn labelled(name: &str, namespace: &str, app: &str, version: u64, words: &str) -> Arc<CachedObject> {
    let mut value = object(name, version);
    value["metadata"]["namespace"] = namespace.into();
    value["metadata"]["labels"] = json!({"app": app});
    value["data"]["words"] = words.into();
    cached(&value)
}

fn populated() -> Store {
    let store = Store::default();
    store.apply(vec![
        Added(labelled("a", "one", "web", 1, "x y")),
        Added(labelled("b", "one", "db", 2, "x")),
        Added(labelled("c", "one-more", "web", 3, "x y")),
        Added(labelled("d", "two", "web", 4, "x y")),
        Added(labelled("e", "two", "db", 5, "y")),
        Added(labelled("a", "two", "web", 6, "x")),
    ]);
    store
}

#[test]
fn k1_several_conditions_meet_and_their_objects_come_in_key_order() {
    let store = populated();
    let words = store.index("word", words_of).unwrap();
    let versions = store.index("version", |object| object.resource_version().number()).unwrap();
    let snapshot = store.snapshot();
    let (x, y, web) = ("x".to_owned(), "y".to_owned(), LabelSelector::parse("app=web").unwrap());
    let found = |query: crate::cache::Query<'_, '_>| -> Vec<String> {
        query.iter().map(|object| object.key().to_string()).collect()
    };
    assert_eq!(found(snapshot.query().index(&words, &x).index(&words, &y)), ["one/a", "one-more/c", "two/d"]);
    assert_eq!(found(snapshot.query().index(&words, &x).namespace("two").labels(&web)), ["two/a", "two/d"]);
    assert_eq!(found(snapshot.query().index(&words, &x).index(&versions, &2)), ["one/b"]);
    assert_eq!(found(snapshot.query().index(&versions, &2).index(&words, &y)), [""; 0]);
    assert_eq!(
        found(snapshot.query().index_named("word", "y").index_named("namespace", "two")),
        ["two/d", "two/e"]
    );
    assert_eq!(found(snapshot.query().namespace("one").index_named("namespace", "two")), [""; 0]);
    assert_eq!(found(snapshot.query().index_named("version", "2")), [""; 0], "its values are no texts");
    assert_eq!(snapshot.query().labels(&web).count(), 4);
    assert_eq!(snapshot.query().count(), 6);
}

#[test]
fn label_selectors_and_pages_go_over_the_objects_in_key_order() {
    let store = populated();
    let snapshot = store.snapshot();
    let databases = LabelSelector::parse("app!=web").unwrap();
    assert_eq!(names(snapshot.select(&databases)), ["b", "e"]);
    assert_eq!(names(snapshot.in_namespace("one")), ["a", "b"]);
    let page = names(snapshot.from(&pilothouse_machinery::ObjectKey::new("one", "b")).take(3));
    assert_eq!(page, ["b", "c", "a"]);
    assert_eq!(snapshot.from(&key("zzz")).count(), 6, "default comes before");
}

#[test]
fn a_query_on_a_snapshot_older_than_an_index_asks_the_closure() {
    let store = populated();
    let before = store.snapshot();
    let words = store.index("word", words_of).unwrap();
    let y = "y".to_owned();
    assert!(words.on(&before).is_none() && words.on(&Store::default().snapshot()).is_none());
    assert_eq!(names(before.query().index(&words, &y).namespace("two").iter()), ["d", "e"]);
}

#[test]
fn s2_a_closure_runs_once_per_version_and_what_it_says_later_takes_nothing_out_of_place() {
    let store = Store::default();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let index = store.index("call", move |_| [counted.fetch_add(1, Ordering::Relaxed)]).unwrap();
    store.apply(vec![Added(at("a", 1)), Added(at("b", 2)), Added(at("b", 2))]);
    store.apply(vec![Modified(at("a", 3))]);
    assert_eq!((calls.load(Ordering::Relaxed), index.keys()), (4, vec![1, 3]));
    store.apply(vec![Deleted(at("a", 4))]);
    assert_eq!((calls.load(Ordering::Relaxed), index.keys()), (4, vec![1]));
}

#[test]
fn an_update_that_leaves_the_values_alone_does_not_copy_an_index() {
    let store = Store::default();
    let _index = store.index("word", words_of).unwrap();
    store.apply(vec![Added(with("a", 1, "x"))]);
    let before = store.snapshot();
    store.apply(vec![Modified(with("a", 2, "x"))]);
    let after = store.snapshot();
    assert!(Arc::ptr_eq(&before.contents.indexes[0], &after.contents.indexes[0]));
    store.apply(vec![Modified(with("a", 3, "y"))]);
    assert!(!Arc::ptr_eq(&before.contents.indexes[0], &store.snapshot().contents.indexes[0]));
}

#[test]
fn a_closure_that_panics_is_counted_and_hurts_nobody_else() {
    let store = Store::default();
    store.apply(vec![Added(with("a", 1, "x")), Added(with("b", 2, "bad"))]);
    let index = store
        .index("careful", |object| {
            let words = words_of(object);
            assert!(!words.contains(&"bad".to_owned()), "as the test wants");
            words
        })
        .unwrap();
    let good = store.index("word", words_of).unwrap();
    assert_eq!((index.panics(), index.keys(), good.keys().len()), (1, vec!["x".to_owned()], 2));
    store.apply(vec![Modified(with("a", 3, "bad")), Added(with("c", 4, "y"))]);
    assert_eq!((index.panics(), index.keys(), store.len()), (2, vec!["y".to_owned()], 3));
    store.apply(vec![Modified(with("b", 5, "z"))]);
    assert_eq!(index.keys(), ["y", "z"]);
}
