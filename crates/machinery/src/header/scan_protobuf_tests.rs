//! Scanning protobuf messages, against scanning the JSON of the same objects.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::protobuf::test_objects::{build, choices, kind};
use crate::protobuf::wire::{Reader, Writer};
use crate::protobuf::{self, MAGIC};
use crate::schema::{MessageType, Schema};

fn pods() -> &'static MessageType {
    Schema::builtin().kind(&kind("v1", "Pod")).unwrap()
}

/// The message of a pod.
fn pod(object: &Value) -> Vec<u8> {
    let body = protobuf::encode(&kind("v1", "Pod"), object).unwrap();
    let mut reader = Reader::new(&body[MAGIC.len()..]);
    loop {
        if let (2, raw) = reader.next().unwrap().unwrap() {
            return raw.bytes().unwrap().to_vec();
        }
    }
}

fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(tag, bytes);
    writer.into_bytes()
}

fn example() -> Value {
    json!({
        "metadata": {
            "name": "web-1", "namespace": "team", "uid": "0f0e0d0c-0b0a-0908-0706-050403020100",
            "resourceVersion": "42", "generation": 3, "deletionTimestamp": "2026-05-04T03:02:01Z",
            "labels": {"app": "web", "tier": ""}, "annotations": {"note": "π"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u",
                                 "controller": true, "blockOwnerDeletion": true}],
            "managedFields": [
                {"manager": "kubelet", "time": "2026-05-04T03:02:01Z", "subresource": "status",
                 "fieldsV1": {"f:status": {}}},
                {"manager": "kubectl", "time": "2026-05-04T03:02:01Z", "fieldsV1": {"f:spec": {"f:x": {}}}},
                {"manager": "later", "time": "2026-05-05T03:02:01Z"},
                {"manager": "timeless"},
            ],
        },
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running"},
    })
}

#[test]
fn a_message_scans_to_the_header_of_its_json() {
    let object = example();
    let scanned = Scanner::new().scan_protobuf(&pod(&object), pods()).unwrap();
    assert_eq!(scanned.header, scan(object.to_string().as_bytes()).unwrap().header);
    assert_eq!(scanned.header.first_manager.as_deref(), Some("kubectl"));
    assert!(scanned.header.deleting && scanned.header.controller().is_some());
    assert_eq!((scanned.api_version, scanned.kind), (None, None));
}

#[test]
fn the_cut_takes_managed_fields_alone_and_fills_its_memory_exactly() {
    let mut object = example();
    let message = pod(&object);
    let scanned = Scanner::new().scan_protobuf(&message, pods()).unwrap();
    let cut = cut_managed_fields(&message, &scanned);
    object["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(&cut[..], pod(&object));
    assert_eq!(Vec::from(cut.clone()).capacity(), cut.len());
    // Nothing to cut.
    let again = Scanner::new().scan_protobuf(&cut, pods()).unwrap();
    assert_eq!(cut_managed_fields(&cut, &again), cut);
    assert_eq!(again.header.key, scanned.header.key);
    assert_eq!(again.header.first_manager, None);
}

#[test]
fn metadata_in_pieces_is_read_and_cut_like_the_whole() {
    let entry = |manager: &str| field(17, &field(1, manager.as_bytes()));
    let first = [entry("one"), field(1, b"old"), entry("two")].concat();
    let second = [field(3, b"ns"), entry("three"), field(1, b"new"), field(99, b"unknown")].concat();
    let spec = field(2, &field(10, b"node"));
    let message = [field(1, &first), spec.clone(), field(1, &second), field(77, b"x")].concat();
    let scanned = Scanner::new().scan_protobuf(&message, pods()).unwrap();
    assert_eq!(scanned.header.key.to_string(), "ns/new");
    assert_eq!(scanned.header.first_manager.as_deref(), Some("one"));
    let kept = [field(3, b"ns"), field(1, b"new"), field(99, b"unknown")].concat();
    let expected = [field(1, &field(1, b"old")), spec, field(1, &kept), field(77, b"x")].concat();
    assert_eq!(&cut_managed_fields(&message, &scanned)[..], expected);
}

#[test]
fn a_message_without_a_name_or_of_a_kind_without_metadata_has_no_key() {
    let mut scanner = Scanner::new();
    assert_eq!(scanner.scan_protobuf(b"", pods()).unwrap_err().reason(), "MissingName");
    let status = Schema::builtin().kind(&kind("v1", "Status")).unwrap();
    assert_eq!(scanner.scan_protobuf(&field(2, b"Failure"), status).unwrap_err().reason(), "MissingName");
    let list = Schema::builtin().kind(&kind("v1", "PodList")).unwrap();
    assert_eq!(scanner.scan_protobuf(&field(1, &field(1, b"x")), list).unwrap_err().reason(), "MissingName");
}

#[test]
fn z4_what_is_wrong_behind_the_metadata_is_found_and_names_the_object() {
    let good = pod(&example());
    for (bad, reason) in [
        (field(2, &field(2, &field(1, b"\xff"))), "InvalidEncoding"),
        (field(2, &field(2, &[0x08, 1])), "InvalidStructure"),
        (field(2, &[0x0a, 5, 0]), "InvalidStructure"),
        (field(2, &field(7, &[0x0a, 1, 0xc3])), "InvalidEncoding"),
        (vec![0x12], "InvalidStructure"),
        // A start time whose nanoseconds are negative.
        (
            field(3, &field(7, &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])),
            "InvalidStructure",
        ),
    ] {
        let error = Scanner::new().scan_protobuf(&[good.clone(), bad].concat(), pods()).unwrap_err();
        assert_eq!(error.reason(), reason, "{error:?}");
        assert_eq!(error.key().unwrap().to_string(), "team/web-1");
        assert_eq!(error.to_string(), "cannot read the object team/web-1 as protobuf");
    }
}

#[test]
fn z4_deep_nesting_is_refused_not_followed() {
    let definitions =
        Schema::builtin().kind(&kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")).unwrap();
    let not = |inner: Vec<u8>, _: i32| field(28, &inner);
    let items = |inner: Vec<u8>, _: i32| field(24, &field(1, &inner));
    for schema in [(0..5_000).fold(Vec::new(), not), (0..5_000).fold(Vec::new(), items)] {
        let spec = field(7, &field(4, &field(1, &schema)));
        let message = [field(1, &field(1, b"a")), field(2, &spec)].concat();
        let error = Scanner::new().scan_protobuf(&message, definitions).unwrap_err();
        assert!(format!("{error:?}").contains("TooDeep"), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_message_scans_like_its_json(which in any::<prop::sample::Index>(), choices in choices()) {
        let kinds: Vec<_> = Schema::builtin().kinds().filter(|(kind, _)| kind.kind != "WatchEvent").collect();
        let (kind, _) = which.get(&kinds);
        let (message, object, message_type) = build(kind, &choices);
        let ours = Scanner::new().scan_protobuf(&message, message_type);
        match scan(object.to_string().as_bytes()) {
            Ok(theirs) => prop_assert_eq!(ours.unwrap().header, theirs.header),
            Err(error) => prop_assert_eq!(ours.unwrap_err().reason(), if error.reason() == "MissingName" || object.get("metadata").is_none() { "MissingName" } else { error.reason() }),
        }
    }

    #[test]
    fn what_is_cut_decodes_to_the_object_without_managed_fields(choices in choices()) {
        let (message, mut object, message_type) = build(&kind("v1", "Pod"), &choices);
        let message = [message, field(1, &field(1, b"name"))].concat();
        let scanned = Scanner::new().scan_protobuf(&message, message_type).unwrap();
        let cut = cut_managed_fields(&message, &scanned);
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.remove("managedFields");
        metadata.insert("name".into(), "name".into());
        prop_assert_eq!(protobuf::from_message::<Value>(&cut, message_type).unwrap(), object);
    }

    #[test]
    fn what_passes_the_scan_can_be_read_and_what_does_not_cannot(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), choices in choices(),
    ) {
        let (message, _, message_type) = build(&kind("v1", "Pod"), &choices);
        let mut message = [field(1, &field(1, b"name")), message].concat();
        let at = at.index(message.len());
        message[at] = byte;
        let scanned = Scanner::new().scan_protobuf(&message, message_type);
        let cut = scanned.as_ref().map(|scanned| cut_managed_fields(&message, scanned));
        match cut {
            Ok(cut) => prop_assert!(protobuf::from_message::<Value>(&cut, message_type).is_ok()),
            Err(error) if error.reason() == "MissingName" => {}
            Err(_) => prop_assert!(protobuf::from_message::<Value>(&message, message_type).is_err()),
        }
    }

    #[test]
    fn no_bytes_make_the_scan_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(scanned) = Scanner::new().scan_protobuf(&raw, pods()) {
            let _ = cut_managed_fields(&raw, &scanned);
        }
    }
}
