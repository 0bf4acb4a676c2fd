//! The types that a document refers to: from the table of built-in types, and from the definitions of custom ones.

use std::collections::BTreeMap;

use pilothouse_machinery::GroupVersionKind;
use pilothouse_machinery::schema::{FieldType, MessageType, Ownership, Schema, Shape, ValueKind};
use serde_json::{Map, Value, json};

use crate::kind::Kind;

const OBJECT_META: &str = "meta/v1.ObjectMeta";

/// A reference to the schema of this name.
pub(super) fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// `core/v1.PodSpec` as documents name it: `io.k8s.api.core.v1.PodSpec`.
fn public_name(message: &MessageType) -> String {
    let dotted = message.name.replace('/', ".");
    if dotted.starts_with("meta.") {
        format!("io.k8s.apimachinery.pkg.apis.{dotted}")
    } else if dotted.starts_with("apiextensions.") {
        format!("io.k8s.apiextensions-apiserver.pkg.apis.{dotted}")
    } else {
        format!("io.k8s.api.{dotted}")
    }
}

fn message_of(kind: &Kind) -> Option<&'static MessageType> {
    let resource = &kind.resource;
    let gvk: GroupVersionKind = resource.group_version_kind();
    Schema::builtin().kind(&gvk).filter(|_| !kind.custom)
}

/// The name of the schema of a kind's objects: a custom one's is its group reversed, version and kind.
pub(super) fn name_of_kind(kind: &Kind) -> String {
    if let Some(message) = message_of(kind) {
        return public_name(message);
    }
    let resource = &kind.resource;
    let mut parts: Vec<_> = resource.group.split('.').rev().collect();
    parts.extend([&*resource.version, &*resource.kind]);
    parts.join(".")
}

/// The schemas of `kinds` and of everything that they refer to, by name.
pub(super) fn of<'a>(kinds: impl IntoIterator<Item = &'a Kind>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for kind in kinds {
        let name = name_of_kind(kind);
        if let Some(message) = message_of(kind) {
            add(message, &mut found);
        } else {
            found.insert(name.clone(), custom(kind));
            if let Some(metadata) = Schema::builtin().message(OBJECT_META) {
                add(metadata, &mut found);
            }
        }
        let resource = &kind.resource;
        if let Some(schema) = found.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] =
                json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]);
        }
    }
    found
}

/// What a custom type's strategy says of its fields, with those that every object has.
fn custom(kind: &Kind) -> Value {
    let mut schema = kind.strategy.schema().cloned().unwrap_or_else(|| json!({"type": "object"}));
    let text = json!({"type": "string"});
    for (name, value) in [("apiVersion", &text), ("kind", &text)] {
        schema["properties"][name] = value.clone();
    }
    if let Some(metadata) = Schema::builtin().message(OBJECT_META) {
        schema["properties"]["metadata"] = json!({"allOf": [{"$ref": reference(&public_name(metadata))}]});
    }
    schema
}

fn add(message: &'static MessageType, found: &mut BTreeMap<String, Value>) {
    let name = public_name(message);
    if found.contains_key(&name) {
        return;
    }
    // Entered before its fields: types may contain themselves.
    found.insert(name.clone(), Value::Null);
    let (mut properties, mut required) = (Map::new(), Vec::new());
    fields(message, &mut properties, &mut required, found);
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    found.insert(name, schema);
}

fn fields(
    message: &'static MessageType,
    properties: &mut Map<String, Value>,
    required: &mut Vec<Value>,
    found: &mut BTreeMap<String, Value>,
) {
    for field in &message.fields {
        if let Some(inner) = field.inlined() {
            fields(inner, properties, required, found);
            continue;
        }
        properties.insert(field.json_name.to_string(), property(field, found));
        if field.required {
            required.push(field.json_name.to_string().into());
        }
    }
}

fn property(field: &'static FieldType, found: &mut BTreeMap<String, Value>) -> Value {
    let element = element(field, found);
    let mut property = match field.shape {
        Shape::One | Shape::Pointer => element,
        Shape::List => json!({"type": "array", "items": element}),
        Shape::Map => json!({"type": "object", "additionalProperties": element}),
    };
    if let Some(default) = &field.default {
        property["default"] = default.clone();
    }
    if field.shape == Shape::List {
        let type_name = match &field.ownership {
            Ownership::Set => "set",
            Ownership::Map(keys) => {
                property["x-kubernetes-list-map-keys"] = json!(keys);
                "map"
            }
            Ownership::Default | Ownership::Atomic => "atomic",
        };
        property["x-kubernetes-list-type"] = type_name.into();
    }
    if field.strategy.merge {
        property["x-kubernetes-patch-strategy"] = "merge".into();
    }
    if let Some(key) = &field.strategy.merge_key {
        property["x-kubernetes-patch-merge-key"] = json!(key);
    }
    property
}

/// A reference to a type of its own that is no struct, and its schema. Clients show the name of one without a `type`.
fn special(name: &str, schema: Value, found: &mut BTreeMap<String, Value>) -> Value {
    let reference = json!({"allOf": [{"$ref": reference(name)}]});
    found.entry(name.to_owned()).or_insert(schema);
    reference
}

fn element(field: &'static FieldType, found: &mut BTreeMap<String, Value>) -> Value {
    const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
    const EXTENSIONS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
    let formatted = |type_name: &str, format: &str| json!({"type": type_name, "format": format});
    match &field.kind {
        ValueKind::String => json!({"type": "string"}),
        ValueKind::Bytes => formatted("string", "byte"),
        ValueKind::Bool => json!({"type": "boolean"}),
        ValueKind::Int32 => formatted("integer", "int32"),
        ValueKind::Int64 => formatted("integer", "int64"),
        ValueKind::Double => formatted("number", "double"),
        ValueKind::Time => special(&format!("{META}.Time"), formatted("string", "date-time"), found),
        ValueKind::MicroTime => {
            special(&format!("{META}.MicroTime"), formatted("string", "date-time"), found)
        }
        ValueKind::Quantity => {
            let schema = json!({"oneOf": [{"type": "string"}, {"type": "number"}]});
            special("io.k8s.apimachinery.pkg.api.resource.Quantity", schema, found)
        }
        ValueKind::IntOrString => {
            let schema =
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]});
            special("io.k8s.apimachinery.pkg.util.intstr.IntOrString", schema, found)
        }
        ValueKind::Raw => {
            special("io.k8s.apimachinery.pkg.runtime.RawExtension", json!({"type": "object"}), found)
        }
        ValueKind::Fields => special(&format!("{META}.FieldsV1"), json!({"type": "object"}), found),
        ValueKind::Strings => json!({"type": "array", "items": {"type": "string"}}),
        ValueKind::Json => special(&format!("{EXTENSIONS}.JSON"), json!({}), found),
        ValueKind::SchemaOrBool => special(&format!("{EXTENSIONS}.JSONSchemaPropsOrBool"), json!({}), found),
        ValueKind::SchemaOrArray => {
            special(&format!("{EXTENSIONS}.JSONSchemaPropsOrArray"), json!({}), found)
        }
        ValueKind::SchemaOrStrings => {
            special(&format!("{EXTENSIONS}.JSONSchemaPropsOrStringArray"), json!({}), found)
        }
        ValueKind::Message(_) => match field.message() {
            Some(message) => {
                add(message, found);
                json!({"allOf": [{"$ref": reference(&public_name(message))}]})
            }
            None => json!({}),
        },
    }
}
