//! Reading types straight from the wire, against reading them from the JSON of the same object.

use k8s_openapi::api::{apps, batch, coordination, core, networking, storage};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::wire::Writer;
use super::*;
use crate::GroupVersionKind;
use crate::schema::{FieldType, MessageType, Schema, Shape, ValueKind};

/// Builds objects that fit the table, out of arbitrary bytes.
struct Builder<'a> {
    choices: std::iter::Copied<std::slice::Iter<'a, u8>>,
}

impl Builder<'_> {
    fn choice(&mut self) -> u8 {
        self.choices.next().unwrap_or_default()
    }

    fn text(&mut self) -> String {
        let words = ["", "a", "Running", "10.0.0.1", "é😀", "line\nbreak \"quoted\"", "x/y.z-1"];
        words[usize::from(self.choice()) % words.len()].to_owned()
    }

    fn object(&mut self, message: &MessageType, depth: usize) -> Value {
        let mut object = Map::new();
        self.fill(&mut object, message, depth);
        Value::Object(object)
    }

    fn fill(&mut self, object: &mut Map<String, Value>, message: &MessageType, depth: usize) {
        for field in message.fields.iter().filter(|field| field.tag != 0) {
            let choice = self.choice();
            // All bytes used up: nothing more is set.
            if choice.is_multiple_of(4) || depth > 9 {
                continue;
            }
            if let Some(inner) = field.inlined() {
                self.fill(object, inner, depth + 1);
                continue;
            }
            let value = self.field(field, depth);
            object.insert(field.json_name.to_string(), value);
        }
    }

    fn field(&mut self, field: &FieldType, depth: usize) -> Value {
        let count = self.choice() % 4;
        match field.shape {
            Shape::One | Shape::Pointer => self.value(&field.kind, depth),
            Shape::List => (0..count).map(|_| self.value(&field.kind, depth)).collect(),
            Shape::Map => (0..count)
                .map(|index| (format!("{}{index}", self.text()), self.value(&field.kind, depth)))
                .collect(),
        }
    }

    fn value(&mut self, kind: &ValueKind, depth: usize) -> Value {
        let choice = self.choice();
        match kind {
            ValueKind::String => self.text().into(),
            ValueKind::Bytes => ["", "AA==", "aHVudGVyMg=="][usize::from(choice % 3)].into(),
            ValueKind::Bool => (choice % 2 == 1).into(),
            ValueKind::Int32 => [0, 1, -1, i32::MAX, i32::MIN][usize::from(choice % 5)].into(),
            ValueKind::Int64 => [0, 1, -1, i64::MAX, i64::MIN][usize::from(choice % 5)].into(),
            ValueKind::Double => [0.0, 1.0, -2.5, 1e300][usize::from(choice % 4)].into(),
            ValueKind::Time => ["2026-05-04T03:02:01Z", "1969-12-31T23:59:59Z", "0001-01-02T00:00:00Z"]
                [usize::from(choice % 3)]
            .into(),
            ValueKind::MicroTime => {
                ["2026-05-04T03:02:01.000000Z", "1969-12-31T23:59:59.999999Z"][usize::from(choice % 2)].into()
            }
            ValueKind::Quantity => ["0", "1500m", "2Gi"][usize::from(choice % 3)].into(),
            ValueKind::IntOrString => {
                [json!(0), json!(80), json!("http"), json!("")][usize::from(choice % 4)].clone()
            }
            ValueKind::Raw | ValueKind::Fields => {
                json!({"kind": "X", "n": [1, {"f:a": {}}], "t": self.text()})
            }
            ValueKind::Json => {
                [json!(null), json!(1.5), json!([{}]), json!("t")][usize::from(choice % 4)].clone()
            }
            ValueKind::Strings => (0..choice % 3).map(|_| self.text()).collect(),
            ValueKind::SchemaOrBool => {
                [json!(true), json!(false), json!({"type": "string"})][usize::from(choice % 3)].clone()
            }
            ValueKind::SchemaOrArray => {
                [json!({"type": "object"}), json!([{"type": "a"}, {}])][usize::from(choice % 2)].clone()
            }
            ValueKind::SchemaOrStrings => {
                [json!({"minimum": 1}), json!(["a", ""])][usize::from(choice % 2)].clone()
            }
            ValueKind::Message(reference) => self.object(reference.get(), depth + 1),
        }
    }
}

fn kind(api_version: &'static str, kind: &'static str) -> GroupVersionKind {
    let (group, version) = crate::resource::split_api_version(api_version);
    GroupVersionKind::new(group, version, kind)
}

fn build(kind: &GroupVersionKind, choices: &[u8]) -> (Vec<u8>, Value, &'static MessageType) {
    let message_type = Schema::builtin().kind(kind).unwrap();
    let object = Builder { choices: choices.iter().copied() }.object(message_type, 0);
    let body = encode(kind, &object).unwrap();
    let unknown = Unknown::read(&body[MAGIC.len()..]).unwrap();
    (unknown.raw.to_vec(), decode(&body).unwrap().1, message_type)
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

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
