//! Protobuf bodies against those of the Go encoder, and against hostile ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::wire::Writer;
use super::*;
use crate::GroupVersionKind;

const FIXTURES: &str = include_str!("../../data/protobuf.txt");

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn fixtures() -> Vec<(&'static str, Vec<u8>, Value)> {
    let lines: Vec<_> = FIXTURES.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len() % 3, 0);
    lines.chunks(3).map(|each| (each[0], unhex(each[1]), serde_json::from_str(each[2]).unwrap())).collect()
}

/// The body of this kind around these object bytes.
fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut type_meta = Writer::default();
    type_meta.bytes(1, api_version.as_bytes());
    type_meta.bytes(2, kind.as_bytes());
    let mut unknown = Writer::default();
    unknown.bytes(1, &type_meta.into_bytes());
    unknown.bytes(2, raw);
    [MAGIC.as_slice(), &unknown.into_bytes()].concat()
}

fn message(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(tag, bytes);
    writer.into_bytes()
}

#[test]
fn bytes_of_the_go_encoder_read_as_the_json_of_the_go_encoder() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20);
    for (name, body, expected) in fixtures {
        let (kind, object) = decode(&body).unwrap();
        assert_eq!(object, expected, "{name}");
        assert_eq!(object["kind"], kind.kind.as_ref());
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    for (name, _, object) in fixtures() {
        let (group, version) = crate::resource::split_api_version(object["apiVersion"].as_str().unwrap());
        let kind = GroupVersionKind::new(
            group.to_owned(),
            version.to_owned(),
            object["kind"].as_str().unwrap().to_owned(),
        );
        let body = encode(&kind, &object).unwrap();
        assert_eq!(decode(&body).unwrap(), (kind, object), "{name}");
    }
}

#[test]
fn a_watch_event_carries_its_object_as_a_body_of_its_own() {
    let kind = GroupVersionKind::new("", "v1", "WatchEvent");
    let event = json!({"apiVersion": "v1", "kind": "WatchEvent", "type": "ADDED", "object": {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}});
    let body = encode(&kind, &event).unwrap();
    assert!(body[MAGIC.len()..].windows(MAGIC.len()).any(|window| window == MAGIC));
    assert_eq!(decode(&body).unwrap().1, event);
}

#[test]
fn numbers_that_are_packed_or_come_in_two_pieces_are_read() {
    // SecurityContext.supplementalGroups as one packed value; metadata twice.
    let groups = message(4, &[1, 0xac, 0x02]);
    let spec = message(14, &groups);
    let pod = [message(1, &message(1, b"a")), message(1, &message(3, b"ns")), message(2, &spec)].concat();
    let (_, object) = decode(&envelope("v1", "Pod", &pod)).unwrap();
    assert_eq!(object["metadata"], json!({"name": "a", "namespace": "ns"}));
    assert_eq!(object["spec"]["securityContext"]["supplementalGroups"], json!([1, 300]));
}

#[test]
fn a_list_that_only_the_second_piece_carries_is_not_lost() {
    let container = message(2, &message(1, b"c"));
    let pod = [message(2, &message(10, b"node")), message(2, &container)].concat();
    let (_, object) = decode(&envelope("v1", "Pod", &pod)).unwrap();
    assert_eq!(object["spec"]["nodeName"], "node");
    assert_eq!(object["spec"]["containers"][0]["name"], "c");
}

#[test]
fn a_body_that_is_no_envelope_or_of_no_known_kind_is_refused() {
    assert_eq!(decode(b"{}").unwrap_err().reason(), "NotAnEnvelope");
    assert_eq!(decode(MAGIC).unwrap_err().reason(), "MissingKind");
    assert_eq!(decode(&envelope("example.dev/v1", "Site", b"")).unwrap_err().reason(), "UnknownKind");
    let mut compressed = envelope("v1", "Pod", b"");
    compressed.extend(message(3, b"gzip"));
    assert_eq!(decode(&compressed).unwrap_err().reason(), "UnsupportedContent");
}

#[test]
fn every_truncation_is_an_error_or_a_shorter_object() {
    for (_, body, _) in fixtures() {
        for length in 0..body.len() {
            let _ = decode(&body[..length]);
        }
        assert!(decode(&body[..body.len() - 1]).is_err() || body.len() < 8);
    }
}

#[test]
fn an_error_names_the_field() {
    let mut number = Writer::default();
    number.varint(1, 7);
    let container = number.into_bytes();
    let spec = [message(2, &message(1, b"fine")), message(2, &container)].concat();
    let error = decode(&envelope("v1", "Pod", &message(2, &spec))).unwrap_err();
    let DecodeError::Field { path, source } = error else { panic!("{error}") };
    assert_eq!(path, "spec.containers[1].name");
    assert_eq!(source, WireError::WireType { expected: 2, found: 0 });
    let error = decode(&envelope("v1", "Pod", &message(1, &message(1, b"\xff")))).unwrap_err();
    assert!(matches!(error, DecodeError::Field { source: WireError::NotUtf8, .. }));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let not = |inner: Vec<u8>, _: i32| message(28, &inner);
    let additional = |inner: Vec<u8>, _: i32| message(30, &message(2, &inner));
    let items = |inner: Vec<u8>, _: i32| message(24, &message(1, &inner));
    for schema in [
        (0..5_000).fold(Vec::new(), not),
        (0..5_000).fold(Vec::new(), additional),
        (0..5_000).fold(Vec::new(), items),
    ] {
        let version = message(4, &message(1, &schema));
        let body = envelope(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            &message(2, &message(7, &version)),
        );
        let error = decode(&body).unwrap_err();
        assert!(matches!(error, DecodeError::Field { source: WireError::TooDeep, .. }), "{error:?}");
    }
    let mut event = Vec::new();
    for _ in 0..300 {
        event = message(2, &message(1, &envelope("v1", "WatchEvent", &event)));
    }
    let error = decode(&envelope("v1", "WatchEvent", &event)).unwrap_err();
    assert!(matches!(error, DecodeError::Field { source: WireError::TooDeep, .. }), "{error:?}");
}

#[test]
fn values_that_do_not_fit_are_named() {
    let kind = GroupVersionKind::new("apps", "v1", "Deployment");
    for (object, path) in [
        (json!({"spec": {"replicas": "3"}}), "spec.replicas"),
        (json!({"spec": {"replicas": 3_000_000_000_u32}}), "spec.replicas"),
        (json!({"metadata": {"labels": {"a": 1}}}), "metadata.labels[a]"),
        (json!({"metadata": {"creationTimestamp": "yesterday"}}), "metadata.creationTimestamp"),
        (
            json!({"spec": {"template": {"spec": {"containers": [{}, 1]}}}}),
            "spec.template.spec.containers[1]",
        ),
        (json!([]), ""),
    ] {
        let error = encode(&kind, &object).unwrap_err();
        assert!(matches!(&error, EncodeError::Field { path: found, .. } if found == path), "{error:?}");
    }
    let unknown = GroupVersionKind::new("example.dev", "v1", "Site");
    assert_eq!(encode(&unknown, &json!({})).unwrap_err().reason(), "UnknownKind");
}

/// Null says the same as an absent field: a pointer to the zero time is written as null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn kinds() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        Just(("v1", "Pod")),
        Just(("batch/v1", "Job")),
        Just(("v1", "Event")),
        Just(("coordination.k8s.io/v1", "Lease")),
        Just(("apiextensions.k8s.io/v1", "CustomResourceDefinition")),
    ]
}

proptest! {
    #[test]
    fn random_bytes_never_panic((api_version, kind) in kinds(), raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&raw);
        let _ = decode(&envelope(api_version, kind, &raw));
    }

    #[test]
    fn a_changed_byte_never_panics_and_what_reads_writes_again(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in any::<prop::sample::Index>()) {
        let fixtures = fixtures();
        let mut body = which.get(&fixtures).1.clone();
        let position = at.index(body.len());
        body[position] = byte;
        if let Ok((kind, object)) = decode(&body) {
            let again = encode(&kind, &object).unwrap();
            let (kind_again, object_again) = decode(&again).unwrap();
            prop_assert_eq!(kind_again, kind);
            prop_assert_eq!(without_nulls(object_again), without_nulls(object));
        }
    }

    #[test]
    fn times_survive_a_round_trip(seconds in -62_135_596_800_i64..253_402_300_799, micros in 0..1_000_000_i32) {
        let kind = GroupVersionKind::new("coordination.k8s.io", "v1", "Lease");
        let time = jiff::Timestamp::new(seconds, 0).unwrap() + jiff::SignedDuration::from_micros(i64::from(micros));
        let text = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(6)).timestamp_to_string(&time);
        let lease = json!({"metadata": {}, "spec": {"renewTime": text}});
        let (_, object) = decode(&encode(&kind, &lease).unwrap()).unwrap();
        prop_assert_eq!(&object["spec"]["renewTime"], &lease["spec"]["renewTime"]);
    }
}
