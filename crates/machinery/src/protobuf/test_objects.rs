//! Objects of built-in kinds for tests, made out of arbitrary bytes by the table of types.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

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

/// A kind by the text of its `apiVersion`.
pub(crate) fn kind(api_version: &'static str, kind: &'static str) -> GroupVersionKind {
    let (group, version) = crate::resource::split_api_version(api_version);
    GroupVersionKind::new(group, version, kind)
}

/// The message of an object, its JSON as Go writes it, and its type.
pub(crate) fn build(kind: &GroupVersionKind, choices: &[u8]) -> (Vec<u8>, Value, &'static MessageType) {
    let message_type = Schema::builtin().kind(kind).unwrap();
    let object = Builder { choices: choices.iter().copied() }.object(message_type, 0);
    let body = encode(kind, &object).unwrap();
    let unknown = Unknown::read(&body[MAGIC.len()..]).unwrap();
    (unknown.raw.to_vec(), decode(&body).unwrap().1, message_type)
}

/// Bytes that make an object.
pub(crate) fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}
