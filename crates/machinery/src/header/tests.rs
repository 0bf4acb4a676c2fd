//! Scanning and cutting, against a parser.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ScanFailure, Uid, normalise, scan};
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
    assert!(scan(deep.as_bytes()).is_ok(), "depth costs no stack");
    assert!(matches!(scan(b"").unwrap_err().failure(), ScanFailure::Structure(_)));
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

proptest! {
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
