//! Reading types straight from the wire, against reading them from the JSON of the same object.

use k8s_openapi::api::{apps, batch, coordination, core, networking, storage};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::test_objects::{build, choices, kind};
use super::wire::Writer;
use super::*;
use crate::GroupVersionKind;
use crate::schema::{MessageType, Schema, Shape, ValueKind};

/// Reads a type both ways.
fn check<T: DeserializeOwned + PartialEq + std::fmt::Debug>(kind: &GroupVersionKind, choices: &[u8]) {
    let (message, json, message_type) = build(kind, choices);
    match serde_json::from_value::<T>(json) {
        Ok(expected) => assert_eq!(from_message::<T>(&message, message_type).unwrap(), expected),
        Err(error) => {
            let ours = from_message::<T>(&message, message_type).unwrap_err().to_string();
            assert!(ours.contains(&error.to_string()), "{ours} instead of {error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_kind_reads_as_its_json(which in any::<prop::sample::Index>(), choices in choices()) {
        let kinds: Vec<_> = Schema::builtin().kinds().filter(|(kind, _)| kind.kind != "WatchEvent").collect();
        let (kind, _) = which.get(&kinds);
        let (message, json, message_type) = build(kind, &choices);
        let mut expected = json;
        if let Some((api_version, kind)) = &layout::Layout::of(message_type).unwrap().kind {
            expected["apiVersion"] = api_version.as_str().into();
            expected["kind"] = (*kind).into();
        }
        prop_assert_eq!(from_message::<Value>(&message, message_type).unwrap(), expected);
    }

    #[test]
    fn typed_objects_read_as_from_their_json(choices in choices()) {
        check::<core::v1::Pod>(&kind("v1", "Pod"), &choices);
        check::<core::v1::Node>(&kind("v1", "Node"), &choices);
        check::<core::v1::Secret>(&kind("v1", "Secret"), &choices);
        check::<core::v1::Service>(&kind("v1", "Service"), &choices);
        check::<core::v1::PersistentVolume>(&kind("v1", "PersistentVolume"), &choices);
        check::<core::v1::Event>(&kind("v1", "Event"), &choices);
        check::<apps::v1::Deployment>(&kind("apps/v1", "Deployment"), &choices);
        check::<batch::v1::Job>(&kind("batch/v1", "Job"), &choices);
        check::<coordination::v1::Lease>(&kind("coordination.k8s.io/v1", "Lease"), &choices);
        check::<networking::v1::Ingress>(&kind("networking.k8s.io/v1", "Ingress"), &choices);
        check::<storage::v1::StorageClass>(&kind("storage.k8s.io/v1", "StorageClass"), &choices);
    }

    #[test]
    fn fields_in_pieces_and_in_any_order_read_like_the_whole(choices in choices(), order in any::<u64>()) {
        let (message, _, message_type) = build(&kind("v1", "Pod"), &choices);
        let expected: Value = from_message(&message, message_type).unwrap();
        let scattered = scatter(&message, layout::Layout::of(message_type).unwrap(), order);
        prop_assert_eq!(from_message::<Value>(&scattered, message_type).unwrap(), expected);
    }

    #[test]
    fn bytes_that_both_readers_take_read_the_same(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), choices in choices(),
    ) {
        let (mut message, _, message_type) = build(&kind("v1", "Pod"), &choices);
        if !message.is_empty() {
            let at = at.index(message.len());
            message[at] = byte;
        }
        let ours = from_message::<Value>(&message, message_type);
        let theirs = from_wire::message(&message, message_type, 0).map(|mut object| {
            object.insert("apiVersion".into(), "v1".into());
            object.insert("kind".into(), "Pod".into());
            Value::Object(object)
        });
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} and {:?}", ours, theirs),
        }
    }

    #[test]
    fn no_bytes_make_the_typed_reader_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let message_type = Schema::builtin().kind(&kind("v1", "Pod")).unwrap();
        let _ = from_message::<core::v1::Pod>(&raw, message_type);
    }
}

/// The same fields, each struct cut in two and all of them in another order; lists and maps keep their own order.
fn scatter(message: &[u8], layout: &'static layout::Layout, order: u64) -> Vec<u8> {
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut reader = wire::Reader::new(message);
    let mut number = order;
    while let Some((tag, value)) = reader.next().unwrap() {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (_, slot) = layout.tagged(tag).unwrap();
        let single = matches!(slot.shape, Shape::One | Shape::Pointer);
        let mut push = |place: u64, value: wire::WireValue<'_>| {
            let mut writer = Writer::default();
            writer.value(tag, value).unwrap();
            pieces.push((place, writer.into_bytes()));
        };
        match (slot.inner(), value) {
            (Some(inner), wire::WireValue::Bytes(bytes)) if single => {
                let scattered = scatter(bytes, inner, number);
                let half = first_half(&scattered);
                push(number >> 60, wire::WireValue::Bytes(&scattered[..half]));
                push(100 + (number >> 61), wire::WireValue::Bytes(&scattered[half..]));
            }
            // The order of equals is kept by a stable sort: a list's elements all go to one of two places.
            _ if !single => push(if tag % 2 == 0 { 50 } else { 30 }, value),
            _ => push(number >> 60, value),
        }
    }
    pieces.sort_by_key(|(place, _)| *place);
    pieces.into_iter().flat_map(|(_, piece)| piece).collect()
}

/// Where about half of the fields end.
fn first_half(message: &[u8]) -> usize {
    let mut reader = wire::Reader::new(message);
    while reader.rest().len() * 2 > message.len() {
        reader.next().unwrap();
    }
    message.len() - reader.rest().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_text_of_json_is_that_of_the_whole_object(which in any::<prop::sample::Index>(), choices in choices()) {
        let kinds: Vec<_> = Schema::builtin().kinds().filter(|(kind, _)| kind.kind != "WatchEvent").collect();
        let (kind, _) = which.get(&kinds);
        let (message, expected, message_type) = build(kind, &choices);
        let text = to_json(&message, message_type, &kind.api_version(), &kind.kind).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn every_scalar_is_found_by_its_path(which in any::<prop::sample::Index>(), choices in choices()) {
        let kinds: Vec<_> = Schema::builtin().kinds().filter(|(kind, _)| kind.kind != "WatchEvent").collect();
        let (kind, _) = which.get(&kinds);
        let (message, object, message_type) = build(kind, &choices);
        let mut object = object;
        if let Some((api_version, kind)) = &layout::Layout::of(message_type).unwrap().kind {
            object["apiVersion"] = api_version.as_str().into();
            object["kind"] = (*kind).into();
        }
        for_each_scalar(&object, &mut Vec::new(), &mut |path, value| {
            let expected = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match field(&message, message_type, &path) {
                Some(found) => assert_eq!(found, expected, "{path:?}"),
                // What JSON shows although it is not set, or what stands in embedded JSON.
                None => assert!(is_zero(value) || is_embedded(message_type, &path), "{path:?} {value}"),
            }
        });
    }
}

fn for_each_scalar(value: &Value, path: &mut Vec<String>, check: &mut impl FnMut(&[String], &Value)) {
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        Value::Null => return,
        scalar => return check(path, scalar),
    };
    for (name, value) in entries {
        path.push(name);
        for_each_scalar(value, path, check);
        path.pop();
    }
}

fn is_zero(value: &Value) -> bool {
    *value == json!("") || *value == json!(0) || *value == json!(false) || *value == json!("0")
}

/// Whether the path leads into a value that is no struct of the table.
fn is_embedded(message_type: &MessageType, path: &[&str]) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    let Some(field) = message_type.field(name) else { return false };
    let rest = if matches!(field.shape, Shape::List | Shape::Map) { &rest[1..] } else { rest };
    match field.message() {
        Some(inner) => is_embedded(inner, rest),
        None => !rest.is_empty() || !matches!(field.kind, ValueKind::String | ValueKind::Int64),
    }
}

#[test]
fn a_list_that_goes_on_behind_an_unknown_field_is_read_whole() {
    let nested = |tag, bytes: &[u8]| {
        let mut writer = Writer::default();
        writer.bytes(tag, bytes);
        writer.into_bytes()
    };
    let subset = |ip: &[u8]| nested(2, &nested(1, &nested(1, ip)));
    let unknown = nested(1000, b"x");
    let message = [subset(b"10.0.0.1"), unknown, subset(b"10.0.0.2"), subset(b"10.0.0.3")].concat();
    let message_type = Schema::builtin().kind(&kind("v1", "Endpoints")).unwrap();
    let read: Value = from_message(&message, message_type).unwrap();
    let ips: Vec<_> = (0..3).map(|number| read["subsets"][number]["addresses"][0]["ip"].as_str()).collect();
    assert_eq!(ips, [Some("10.0.0.1"), Some("10.0.0.2"), Some("10.0.0.3")], "{read}");
}

#[test]
fn a_field_is_found_in_inline_structs_maps_and_lists() {
    let object = json!({"metadata": {"name": "a", "labels": {"app": "web", "empty": ""}}, "spec": {"nodeName": "n",
        "volumes": [{"name": "v", "configMap": {"name": "c"}}], "containers": [{"name": "one"}, {"name": "two"}]}});
    let body = encode(&kind("v1", "Pod"), &object).unwrap();
    let message = Unknown::read(&body[MAGIC.len()..]).unwrap().raw;
    let message_type = Schema::builtin().kind(&kind("v1", "Pod")).unwrap();
    let find = |path: &[&str]| field(message, message_type, path).map(std::borrow::Cow::into_owned);
    assert_eq!(find(&["spec", "nodeName"]).as_deref(), Some("n"));
    assert_eq!(find(&["metadata", "labels", "app"]).as_deref(), Some("web"));
    assert_eq!(find(&["metadata", "labels", "empty"]).as_deref(), Some(""));
    assert_eq!(find(&["spec", "volumes", "0", "configMap", "name"]).as_deref(), Some("c"));
    assert_eq!(find(&["spec", "containers", "1", "name"]).as_deref(), Some("two"));
    assert_eq!(find(&["kind"]).as_deref(), Some("Pod"));
    for absent in [
        &["spec"][..],
        &["spec", "containers"],
        &["spec", "containers", "2", "name"],
        &["status", "phase"],
        &["metadata", "labels", "none"],
        &["spec", "nodeName", "x"],
        &["nothing"],
        &[],
    ] {
        assert_eq!(find(absent), None, "{absent:?}");
    }
}

#[test]
fn a_refusal_names_the_field_and_what_the_type_says() {
    #[derive(Debug, serde::Deserialize)]
    struct Picky {
        #[allow(dead_code, reason = "only read")]
        spec: Spec,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Spec {
        #[allow(dead_code, reason = "only read")]
        replicas: String,
    }
    let deployments = kind("apps/v1", "Deployment");
    let body = encode(&deployments, &json!({"metadata": {}, "spec": {"replicas": 3}})).unwrap();
    let unknown = Unknown::read(&body[MAGIC.len()..]).unwrap();
    let message_type = Schema::builtin().kind(&deployments).unwrap();
    let error = from_message::<Picky>(unknown.raw, message_type).unwrap_err();
    let DecodeError::Type { path, message } = &error else { panic!("{error:?}") };
    assert_eq!(path, "spec.replicas");
    assert!(message.contains("invalid type: integer `3`, expected a string"), "{message}");
}

#[test]
fn a_type_outside_of_the_table_is_refused() {
    let own = MessageType { name: "core/v1.Pod".into(), fields: Vec::new(), atomic: false, open: false };
    assert_eq!(from_message::<Value>(b"", &own).unwrap_err().reason(), "UnknownType");
}

#[test]
fn a_type_reads_enumerations_options_and_flattened_structs() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Phase {
        Running,
        #[serde(other)]
        Other,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Status {
        phase: Option<Phase>,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Names {
        name: String,
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, Value>,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Lean {
        kind: String,
        metadata: Names,
        status: Status,
    }
    let pods = kind("v1", "Pod");
    let object = json!({"metadata": {"name": "a", "labels": {"b": "c"}}, "status": {"phase": "Running"}});
    let body = encode(&pods, &object).unwrap();
    let unknown = Unknown::read(&body[MAGIC.len()..]).unwrap();
    let lean: Lean = from_message(unknown.raw, Schema::builtin().kind(&pods).unwrap()).unwrap();
    let rest = [("labels".to_owned(), json!({"b": "c"}))].into();
    let expected = Lean {
        kind: "Pod".into(),
        metadata: Names { name: "a".into(), rest },
        status: Status { phase: Some(Phase::Running) },
    };
    assert_eq!(lean, expected);
}
