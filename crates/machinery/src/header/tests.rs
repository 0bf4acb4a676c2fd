//! Scanning and cutting, against a parser.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Interner, ScanFailure, Scanner, Uid, compact, deserialize, normalise, scan};
use crate::json::Outline;
use crate::{ObjectKey, ResourceType, ResourceVersion};

const JOBS: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");

#[test]
fn header_holds_key_versions_labels_owners_and_deletion() {
    let object = json!({
        "metadata": {
            "name": "hello", "namespace": "default", "uid": "u-1", "resourceVersion": "42", "generation": 3,
            "labels": {"app": "a\"b"}, "deletionTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "o-1"},
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": "o-2", "controller": true}
            ]
        },
        "spec": {"metadata": {"name": "not this one"}}
    });
    let header = scan(object.to_string().as_bytes()).unwrap().header;
    assert_eq!(header.key, ObjectKey::new("default", "hello"));
    assert_eq!((header.uid.clone(), header.generation, header.deleting), (Uid::parse("u-1"), 3, true));
    assert_eq!(header.resource_version, ResourceVersion::from_number(42));
    assert_eq!(header.labels.get("app"), Some("a\"b"));
    assert_eq!((header.owners.len(), &header.controller().unwrap().uid), (2, &Uid::parse("o-2")));
}

#[test]
fn the_first_manager_is_that_of_the_earliest_entry_wherever_it_stands() {
    let entry = |manager: &str, time: &str, subresource: &str| {
        json!({"manager": manager, "operation": "Update", "time": time, "subresource": subresource,
            "fieldsV1": {"f:metadata": {"manager": {}}}})
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
    let untimed = json!({"manager": "x"});
    for (fields, expected) in [
        (json!([entry("kubectl", late, ""), entry("kubectl-create", early, "")]), Some("kubectl-create")),
        (json!([entry("controller", early, "status"), entry("sdk", early, "")]), Some("sdk")),
        (json!([untimed, entry("sdk", late, "")]), Some("sdk")),
        (json!([{"time": early}, untimed]), Some("x")),
        (json!([entry("", early, "")]), None),
        (json!([7]), None),
        (json!({"manager": "x"}), None),
        (json!(null), None),
    ] {
        let object = json!({"metadata": {"name": "n", "managedFields": fields}});
        let header = scan(object.to_string().as_bytes()).unwrap().header;
        assert_eq!(header.first_manager.as_deref(), expected, "{object}");
    }
    assert_eq!(scan(br#"{"metadata":{"name":"n"}}"#).unwrap().header.first_manager, None);
}

#[test]
fn absent_and_null_fields_are_empty() {
    let body =
        br#"{"metadata":{"name":"n","namespace":null,"labels":null,"ownerReferences":null,"uid":null}}"#;
    let header = scan(body).unwrap().header;
    assert_eq!(header.key, ObjectKey::cluster("n"));
    assert!(header.labels.is_empty() && header.owners.is_empty() && !header.deleting);
    assert!(header.resource_version.is_zero() && header.uid.is_empty());
}

#[test]
fn z4_bytes_that_are_not_an_object_are_refused_with_a_reason() {
    let cases: [(&[u8], &str); 6] = [
        (b"{\"metadata\":{\"name\":\"n\"},\"data\":\"\xff\"}", "InvalidEncoding"),
        (br#"{"metadata":{"name":"n"},"spec":{]}"#, "InvalidStructure"),
        (br#"{"metadata":{"name":"n"}} x"#, "InvalidStructure"),
        (br#"{"spec":{}}"#, "InvalidStructure"),
        (br#"{"metadata":{}}"#, "MissingName"),
        (br#"{"metadata":{"name":""}}"#, "MissingName"),
    ];
    for (body, reason) in cases {
        assert_eq!(scan(body).unwrap_err().reason(), reason, "{}", String::from_utf8_lossy(body));
    }
    let deep = format!(r#"{{"metadata":{{"name":"n"}},"x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(scan(deep.as_bytes()).unwrap_err().reason(), "InvalidStructure", "no parser follows so deep");
    assert!(matches!(scan(b"").unwrap_err().failure(), ScanFailure::Structure(_)));
}

#[test]
fn f15_bytes_that_are_not_an_object_are_reported_by_name_where_that_can_be_read() {
    let named = ObjectKey::new("d", "n");
    for (body, key) in [
        (&br#"{"metadata":{"name":"n","namespace":"d"},"spec":{]}"#[..], Some(&named)),
        (br#"{"spec":[{"a":"]"}],"metadata":{"namespace":"d","name":"n","labels":{"a":7}}}"#, Some(&named)),
        (b"{\"metadata\":{\"name\":\"n\",\"namespace\":\"d\"},\"data\":\"\xff\"}", Some(&named)),
        (br#"{"metadata":{"name":"n","namespace":"d"},"spec":{"a":"#, Some(&named)),
        (br#"{"metadata":{"name":7}}"#, None),
        (br#"{"metadata":{"namespace":"d"}}"#, None),
        (b"[", None),
        (b"", None),
    ] {
        let error = scan(body).unwrap_err();
        assert_eq!(error.key(), key, "{}", String::from_utf8_lossy(body));
        assert_eq!(error.to_string().contains("d/n"), key.is_some(), "{error}");
    }
    let long = format!(r#"{{"metadata":{{"name":"{}"}},"spec":{{]}}"#, "n".repeat(1000));
    assert_eq!(scan(long.as_bytes()).unwrap_err().key(), None);
    let job = scan(br#"{"kind":"Pod","metadata":{"name":"n","namespace":"d"}}"#).unwrap();
    let error = job.check_type(&JOBS).unwrap_err();
    assert_eq!((error.reason(), error.key()), ("WrongType", Some(&named)));
}

#[test]
fn what_objects_say_alike_is_shared_by_their_headers() {
    let mut scanner = Scanner::new();
    let mut read = |name: &str, app: &str, pretty: bool| {
        let object = json!({"kind": "Job", "metadata": {"name": name, "namespace": "d", "labels": {"app": app},
            "ownerReferences": [{"kind": "Node", "name": "o", "uid": "u"}], "managedFields": [{"manager": "m"}]}});
        let body = if pretty { format!("{object:#}") } else { object.to_string() };
        scanner.scan(body.as_bytes()).unwrap().header
    };
    let (one, two, other) = (read("a", "x", false), read("b", "x", true), read("c", "y", false));
    assert!(Arc::ptr_eq(&one.labels, &two.labels) && Arc::ptr_eq(&one.owners, &other.owners));
    assert!(Arc::ptr_eq(&one.key.namespace, &two.key.namespace));
    assert!(Arc::ptr_eq(&one.first_manager.unwrap(), &two.first_manager.unwrap()));
    assert_eq!((other.labels.get("app"), other.labels.len()), (Some("y"), 1));
}

#[test]
fn managed_fields_need_only_be_balanced_because_they_are_cut() {
    for fields in ["[nonsense]", "[{]]", r#"[{"manager":"m","fieldsV1":{,,:"]"}}]"#, r#"[{"\x":[tru]}]"#] {
        let filler = "x".repeat(100);
        let body = format!(
            r#"{{"kind":"Job","apiVersion":"batch/v1","metadata":{{"managedFields":{fields},"name":"{filler}"}}}}"#
        );
        let kept = normalise(body.as_bytes(), &scan(body.as_bytes()).unwrap(), &JOBS);
        assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap()["metadata"], json!({"name": filler}));
    }
    for elsewhere in [
        r#"{"metadata":{"name":"n","labels":{},"x":[{"managedFields":[,]}]}}"#,
        r#"{"metadata":{"name":"n"},"spec":{"managedFields":[,]}}"#,
        r#"{"metadata":{"name":"n","x\"managedFields":[,]}}"#,
        r#"{"metadata":{"name":"n"},"x\"metadata":{"managedFields":[,]}}"#,
        r#"{"metadata":{"name":"n","managedFields":[}}"#,
        r#"{"metadata":{"name":"n","managedFields":[],"managedFields":[,]}}"#,
    ] {
        assert!(scan(elsewhere.as_bytes()).is_err(), "{elsewhere}");
    }
}

#[test]
fn managed_fields_are_cut_wherever_they_stand() {
    let bodies = [
        r#"{"metadata":{"managedFields":[{"a":"}"}],"name":"n"},"spec":{"managedFields":1}}"#,
        r#"{"metadata":{"name":"n","managedFields":[{"a":"]\"{"}]},"spec":{}}"#,
        "{ \"metadata\" : { \"name\" : \"n\" , \"managedFields\" : [ ] , \"uid\" : \"u\" } }",
        r#"{"metadata":{"labels":{"managedFields":"x"},"managedFields":null,"name":"n"}}"#,
        r#" {"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"n","managedFields":[[]],"uid":"u"}}"#,
    ];
    for body in bodies {
        let kept = normalise(body.as_bytes(), &scan(body.as_bytes()).unwrap(), &JOBS);
        let mut expected: Value = serde_json::from_str(body).unwrap();
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        expected["apiVersion"] = "batch/v1".into();
        expected["kind"] = "Job".into();
        assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), expected, "{body}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        r#"[a-z"\\{}\[\]:, \n\u{e9}]{0,12}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("managedFields|name|[a-z\"]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_metadata() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![r#"[a-z0-9."\\\u{e9}-]{0,12}"#.prop_map(Value::from), Just(Value::Null), Just(json!(7))]
    };
    let plain = || "[a-z0-9.-]{1,12}".prop_map(Value::from);
    let object = |keys: &'static str, value: BoxedStrategy<Value>| {
        proptest::collection::btree_map(keys, value, 0..5).prop_map(|map| json!(map)).boxed()
    };
    let owner = object("apiVersion|kind|name|uid|x", prop_oneof![9 => plain(), 1 => text()].boxed());
    let manager = object(
        "manager|time|subresource|fieldsV1",
        prop_oneof![plain(), text(), Just(json!({"f:a": {"k:{\"b\":\"]\"}": {}}}))].boxed(),
    );
    let labels = object("[a-z/.]{1,9}", prop_oneof![9 => plain(), 1 => text()].boxed());
    let rest = object(
        "namespace|uid|resourceVersion|deletionTimestamp|zone",
        prop_oneof![9 => plain(), 1 => text()].boxed(),
    );
    (labels, proptest::collection::vec(owner, 0..3), proptest::collection::vec(manager, 0..4), rest).prop_map(
        |(labels, owners, managers, rest)| {
            let mut metadata = rest;
            metadata["name"] = "n".into();
            metadata["labels"] = labels;
            metadata["ownerReferences"] = owners.into();
            metadata["managedFields"] = managers.into();
            metadata
        },
    )
}

proptest! {
    #[test]
    fn both_ways_of_reading_a_header_find_the_same(metadata in any_metadata(), spec in any_value()) {
        let body = json!({"kind": "Job", "metadata": metadata, "spec": spec}).to_string();
        let parsed = deserialize::read(body.as_bytes(), &mut Interner::new());
        let mut outline = Outline::default();
        prop_assert!(outline.read(body.as_bytes()));
        if let Some(found) = compact::read(body.as_bytes(), &outline, &mut Interner::new()) {
            prop_assert_eq!(Some(found), parsed.ok());
        } else {
            let plain = !body.contains('\\') && !body.contains(":7") && !body.contains("null");
            prop_assert!(!plain, "{body} needs no parser");
        }
    }

    #[test]
    fn normalised_bytes_equal_a_parsed_removal(
        fields in any_value(), spec in any_value(), annotations in any_value(), pretty in any::<bool>(),
    ) {
        let object = json!({
            "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
            "metadata": {"annotations": annotations, "managedFields": fields, "name": "n", "z": 1}
        });
        let body = if pretty { format!("{object:#}") } else { object.to_string() };
        let kept = normalise(body.as_bytes(), &scan(body.as_bytes()).unwrap(), &JOBS);
        let mut expected = object;
        expected["metadata"].as_object_mut().unwrap().remove("managedFields");
        prop_assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), expected);
    }
}
