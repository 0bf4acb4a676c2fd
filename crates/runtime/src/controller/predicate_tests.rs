//! Which changes the ready-made predicates want.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::Object as _;

type Map = k8s_openapi::api::core::v1::ConfigMap;

fn cached(object: &Value) -> Arc<CachedObject> {
    Arc::new(CachedObject::from_value(object, &Map::resource_type()).unwrap())
}

fn base() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "value"}, "status": {"phase": "New"}, "metadata": {
        "name": "one", "namespace": "default", "uid": "u-1", "resourceVersion": "5", "generation": 1,
        "labels": {"app": "web"}, "annotations": {"note": "one"}}})
}

/// The change from `base` to what `edit` makes of it, written by the server.
fn update(edit: impl FnOnce(&mut Value)) -> Change {
    let mut after = base();
    after["metadata"]["resourceVersion"] = "6".into();
    edit(&mut after);
    Change {
        kind: ChangeKind::Updated,
        object: cached(&after),
        previous: Some(cached(&base())),
        initial: false,
    }
}

/// Which of generation, labels, annotations, version and content want it.
fn wanted(change: &Change) -> [bool; 5] {
    [generation_changed, labels_changed, annotations_changed, resource_version_changed, content_changed]
        .map(|predicate| predicate(change))
}

#[test]
fn each_predicate_wants_its_part_of_the_object_and_no_other() {
    let cases: [(&str, Change, [bool; 5]); 9] = [
        ("nothing", update(|_| ()), [false, false, false, true, false]),
        ("status", update(|map| map["status"]["phase"] = "Done".into()), [false, false, false, true, false]),
        (
            "labels",
            update(|map| map["metadata"]["labels"]["app"] = "db".into()),
            [false, true, false, true, true],
        ),
        (
            "annotations",
            update(|map| map["metadata"]["annotations"]["note"] = "two".into()),
            [false, false, true, true, true],
        ),
        (
            "no annotations",
            update(|map| map["metadata"]["annotations"] = json!({})),
            [false, false, true, true, true],
        ),
        ("content", update(|map| map["data"]["key"] = "other".into()), [false, false, false, true, true]),
        ("a null", update(|map| map["data"]["absent"] = Value::Null), [false, false, false, true, false]),
        (
            "generation and content",
            update(|map| (map["metadata"]["generation"], map["data"]["key"]) = (2.into(), "other".into())),
            [true, false, false, true, true],
        ),
        ("another object", update(|map| map["metadata"]["uid"] = "u-2".into()), [true; 5]),
    ];
    for (what, change, expected) in cases {
        assert_eq!(wanted(&change), expected, "{what}");
    }
}

#[test]
fn a_new_object_is_wanted_and_a_resync_is_not() {
    let previous = Some(cached(&base()));
    let added = Change { kind: ChangeKind::Added, object: cached(&base()), previous: None, initial: true };
    assert_eq!(wanted(&added), [true; 5]);
    let again = Change { previous: previous.clone(), ..added };
    assert_eq!(wanted(&again), [true; 5], "of a key whose deletion was missed");
    let resync = Change { kind: ChangeKind::Resync, object: cached(&base()), previous, initial: false };
    assert_eq!(wanted(&resync), [false; 5]);
}

#[test]
fn the_same_object_listed_again_was_not_written() {
    let same = update(|map| map["metadata"]["resourceVersion"] = "5".into());
    assert_eq!(wanted(&same), [false; 5]);
}

#[test]
fn predicates_combine() {
    let status = update(|map| map["status"]["phase"] = "Done".into());
    let labels = update(|map| map["metadata"]["labels"]["app"] = "db".into());
    let ask = |predicate: &dyn Fn(&Change) -> bool| [&status, &labels].map(predicate);
    assert_eq!(ask(&generation_changed.or(labels_changed)), [false, true]);
    assert_eq!(ask(&resource_version_changed.and(labels_changed)), [false, true]);
    assert_eq!(ask(&resource_version_changed.and(labels_changed.negated())), [true, false]);
    let previous = Some(cached(&base()));
    let resync = Change { kind: ChangeKind::Resync, object: cached(&base()), previous, initial: false };
    assert!(!labels_changed.negated()(&resync), "none lets resyncs through");
    assert!(!labels_changed.negated().negated()(&resync), "none lets resyncs through");
}
