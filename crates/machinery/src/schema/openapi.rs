//! Types of custom resources, from the structural schema of their definition.

use std::borrow::Cow;

use serde_json::Value;

use super::table::Schema;
use super::types::{
    FieldType, MergeStrategy, MessageReference, MessageType, Omission, Ownership, Shape, ValueKind,
};

impl MessageType {
    /// The type of a custom resource whose version has this `openAPIV3Schema`: its fields, with `apiVersion`,
    /// `kind` and `metadata`, and how server-side apply treats them (`x-kubernetes-list-type`,
    /// `x-kubernetes-list-map-keys`, `x-kubernetes-map-type`).
    ///
    /// Objects without properties, and those that preserve unknown fields, are [open](Self::open). Protobuf does not
    /// carry custom resources: all tags are 0.
    #[must_use]
    pub fn from_openapi(name: &str, schema: &Value) -> Self {
        let mut message = object(name, schema);
        message
            .fields
            .retain(|field| !["apiVersion", "kind", "metadata"].contains(&field.json_name.as_ref()));
        let text = || ValueKind::String;
        let metadata = Schema::builtin().index("meta/v1.ObjectMeta").map(MessageReference::Builtin);
        let metadata = metadata.map_or_else(text, ValueKind::Message);
        for (name, kind) in [("apiVersion", text()), ("kind", text()), ("metadata", metadata)] {
            message.fields.push(field(name, Shape::Pointer, kind));
        }
        message
    }
}

fn object(name: &str, schema: &Value) -> MessageType {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let fields = properties.into_iter().flatten().map(|(property, inner)| {
        let mut field = property_field(&format!("{name}.{property}"), property, inner);
        field.required =
            required.is_some_and(|required| required.iter().any(|name| name == property.as_str()));
        field
    });
    let fields: Vec<_> = fields.collect();
    let preserves = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    MessageType {
        name: Cow::Owned(name.to_owned()),
        open: preserves || fields.is_empty(),
        fields,
        atomic: is_atomic_map(schema),
    }
}

fn is_atomic_map(schema: &Value) -> bool {
    schema.get("x-kubernetes-map-type").is_some_and(|kind| kind == "atomic")
}

fn field(name: &str, shape: Shape, kind: ValueKind) -> FieldType {
    FieldType {
        json_name: Cow::Owned(name.to_owned()),
        tag: 0,
        shape,
        kind,
        inline: false,
        // A custom resource is stored as it was written: no zero values appear, no empty ones vanish.
        omission: Omission::Zero,
        required: false,
        strategy: MergeStrategy::default(),
        ownership: Ownership::Default,
        default: None,
    }
}

fn property_field(path: &str, name: &str, schema: &Value) -> FieldType {
    let word = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    let entries = schema.get("additionalProperties").filter(|inner| inner.is_object());
    let mut made = match (word("type"), schema.get("items"), entries) {
        ("array", Some(items), _) => field(name, Shape::List, value_kind(path, items)),
        ("object", _, Some(entries)) if schema.get("properties").is_none() => {
            field(name, Shape::Map, value_kind(path, entries))
        }
        _ => field(name, Shape::Pointer, value_kind(path, schema)),
    };
    made.default = schema.get("default").cloned();
    made.ownership = match word("x-kubernetes-list-type") {
        "set" => Ownership::Set,
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            Ownership::Map(keys.map(|key| Cow::Owned(key.to_owned())).collect())
        }
        _ if is_atomic_map(schema) => Ownership::Atomic,
        _ => Ownership::Default,
    };
    made
}

fn value_kind(path: &str, schema: &Value) -> ValueKind {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return ValueKind::IntOrString;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => ValueKind::String,
        Some("boolean") => ValueKind::Bool,
        Some("integer") => ValueKind::Int64,
        Some("number") => ValueKind::Double,
        Some("array") => ValueKind::Json,
        _ if schema.get("additionalProperties").is_some_and(Value::is_object) => ValueKind::Json,
        _ => ValueKind::Message(MessageReference::Owned(Box::new(object(path, schema)))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::unknown_fields;
    use super::*;

    #[test]
    fn a_structural_schema_becomes_a_type() {
        let widget = MessageType::from_openapi(
            "Widget",
            &json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
                "size": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                          "items": {"type": "object", "properties": {"name": {"type": "string", "default": "d"}}}},
                "plain": {"type": "array", "items": {"type": "string"}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "port": {"x-kubernetes-int-or-string": true},
            }}}}),
        );
        assert_eq!(widget.field("metadata").unwrap().message().unwrap().name, "meta/v1.ObjectMeta");
        let spec = widget.field("spec").unwrap().message().unwrap();
        assert!(spec.field("size").unwrap().required && !spec.open);
        assert_eq!(spec.field("tags").unwrap().ownership, Ownership::Set);
        let items = spec.field("items").unwrap();
        assert_eq!(items.ownership, Ownership::Map(vec!["name".into()]));
        assert_eq!(items.message().unwrap().field("name").unwrap().default, Some("d".into()));
        assert_eq!(spec.field("labels").unwrap().shape, Shape::Map);
        assert_eq!(spec.field("port").unwrap().kind, ValueKind::IntOrString);
        let object = json!({"metadata": {"nmae": "x"}, "spec": {"free": {"any": 1}, "labels": {"a": "b"},
            "items": [{"name": "a", "other": 1}], "sise": 1}});
        assert_eq!(unknown_fields(&object, &widget), ["metadata.nmae", "spec.items[0].other", "spec.sise"]);
    }
}
