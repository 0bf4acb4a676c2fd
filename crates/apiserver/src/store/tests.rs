//! The store: encoding, compare-and-set, history, snapshots of the past.

use std::task::Waker;

use pilothouse_machinery::ResourceType;
use proptest::prelude::*;
use serde_json::json;

use super::state::Raced;
use super::*;
use crate::kind::Kind;
use pilothouse_machinery::ObjectKey;

fn maps() -> Kind {
    Kind::new(ResourceType::namespaced("", "v1", "configmaps", "ConfigMap"))
}

fn object(text: &str) -> serde_json::Value {
    json!({"metadata": {"name": "a", "labels": {"app": text}}, "data": {"k": text}})
}

fn names(objects: &Objects) -> Vec<String> {
    let line = |object: &std::sync::Arc<StoredObject>| format!("{}={}", object.key(), object.revision());
    objects.values().map(line).collect()
}

#[test]
fn objects_are_encoded_once_with_their_own_version_and_selectable_labels() {
    let (store, kind) = (Store::new(1000, HistoryLimits::default()), maps());
    let stored = store.put(&kind, &ObjectKey::new("n", "a"), None, &mut object("web")).unwrap();
    let text = std::str::from_utf8(stored.stored_bytes()).unwrap();
    let expected = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"labels":{"app":"web"},"name":"a","resourceVersion":"1001"},"data":{"k":"web"}}"#;
    assert_eq!(text, expected);
    assert_eq!((stored.label("app"), stored.field("metadata.namespace")), (Some("web"), Some("n")));
    assert_eq!(stored.bytes(&kind).as_ptr(), stored.stored_bytes().as_ptr());
    let mut newer = maps();
    newer.resource.version = "v2".into();
    assert_eq!(stored.value(&newer)["apiVersion"], "v2");
    assert!(stored.bytes(&newer).starts_with(br#"{"kind":"ConfigMap","apiVersion":"v2","metadata""#));
}

#[test]
fn a_write_based_on_an_old_revision_is_refused() {
    let (store, kind, key) = (Store::new(1000, HistoryLimits::default()), maps(), ObjectKey::new("n", "a"));
    assert_eq!(store.put(&kind, &key, Some(5), &mut object("0")).unwrap_err(), Raced);
    store.put(&kind, &key, None, &mut object("1")).unwrap();
    assert_eq!(store.put(&kind, &key, None, &mut object("2")).unwrap_err(), Raced);
    store.put(&kind, &key, Some(1001), &mut object("2")).unwrap();
    assert_eq!(store.remove(&kind, &key, 1001).unwrap_err(), Raced);
    assert_eq!(store.remove(&kind, &key, 1002).unwrap().revision(), 1003);
    assert_eq!((store.revision(), store.get(&kind, &key).is_none()), (1003, true));
}

#[test]
fn a_bounded_history_says_what_it_no_longer_knows() {
    let (store, kind) = (Store::new(1000, HistoryLimits::events(2)), maps());
    let watch = store.open_watch(&kind);
    for index in 0..4 {
        store.put(&kind, &ObjectKey::new("n", format!("{index}")), None, &mut object("1")).unwrap();
    }
    let read = |after| store.read(&watch, after, 10, Waker::noop());
    assert!(matches!(read(1001), Read::Expired(Expired { oldest: 1002 })));
    assert!(matches!(read(1002), Read::Events(events) if events.len() == 2));
    assert!(matches!(read(1004), Read::Waiting(1004)));
    assert!(store.snapshot_at(&kind, 1001).is_err());
    assert_eq!(names(&store.snapshot_at(&kind, 1003).unwrap().objects).len(), 3);
    store.compact(1004);
    assert!(store.check_reach(&watch, 1003).is_err() && store.check_reach(&watch, 1004).is_ok());
    assert!(store.snapshot_at(&kind, 1003).is_err());
    store.break_watches();
    assert!(matches!(read(1004), Read::Ended));
}

proptest! {
    #[test]
    fn snapshots_of_the_past_equal_what_was_there(writes in proptest::collection::vec((0_usize..4, any::<bool>()), 1..40)) {
        let (store, kind) = (Store::new(1000, HistoryLimits::UNLIMITED), maps());
        let mut past = Vec::new();
        for (index, removes) in writes {
            let key = ObjectKey::new("n", format!("{index}"));
            let revision = store.get(&kind, &key).map(|object| object.revision());
            match revision {
                Some(revision) if removes => _ = store.remove(&kind, &key, revision).unwrap(),
                _ => _ = store.put(&kind, &key, revision, &mut object("x")).unwrap(),
            }
            let now = store.snapshot(&kind);
            past.push((now.revision, names(&now.objects)));
        }
        for (revision, expected) in past {
            prop_assert_eq!(names(&store.snapshot_at(&kind, revision).unwrap().objects), expected);
        }
    }
}
