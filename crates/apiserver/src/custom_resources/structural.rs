//! What a structural schema does to an object: unknown fields are dropped, defaults are filled in.

use serde_json::{Map, Value};

/// Whether a schema says `true` under `key`.
pub(super) fn flag(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops the fields of a whole object that its schema does not know; the paths of what was dropped.
pub(super) fn prune(object: &mut Value, schema: &Value) -> Vec<String> {
    let mut dropped = Vec::new();
    prune_value(object, schema, "", &mut dropped);
    dropped
}

fn prune_value(value: &mut Value, schema: &Value, path: &str, dropped: &mut Vec<String>) {
    match value {
        Value::Object(map) => prune_map(map, schema, path, dropped),
        Value::Array(items) => {
            let schema = match schema.get("items") {
                Some(schema) => schema,
                None if flag(schema, PRESERVE) => return,
                None => &Value::Null,
            };
            for (index, item) in items.iter_mut().enumerate() {
                prune_value(item, schema, &format!("{path}[{index}]"), dropped);
            }
        }
        _ => {}
    }
}

fn prune_map(map: &mut Map<String, Value>, schema: &Value, path: &str, dropped: &mut Vec<String>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|schema| **schema != Value::Bool(false));
    let (preserve, whole_object) = (flag(schema, PRESERVE), path.is_empty() || flag(schema, EMBEDDED));
    map.retain(|key, value| {
        if whole_object && OBJECT_FIELDS.contains(&key.as_str()) {
            return true;
        }
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (properties.and_then(|properties| properties.get(key)), additional) {
            (Some(schema), _) => prune_value(value, schema, &path, dropped),
            (None, Some(schema)) if schema.is_object() => prune_value(value, schema, &path, dropped),
            (None, Some(_)) => {}
            (None, None) if preserve => {}
            (None, None) => {
                dropped.push(path);
                return false;
            }
        }
        true
    });
}

/// Fills the defaults of absent fields, and of null ones that may not be null.
pub(super) fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                if let Some(default) = property.get("default") {
                    let absent =
                        map.get(key).is_none_or(|value| value.is_null() && !flag(property, "nullable"));
                    if absent {
                        map.insert(key.clone(), default.clone());
                    }
                }
                if let Some(value) = map.get_mut(key) {
                    self::default(value, property);
                }
            }
            if let Some(additional) = schema.get("additionalProperties").filter(|schema| schema.is_object()) {
                let known = |key: &str| properties.is_some_and(|properties| properties.contains_key(key));
                for (_, value) in map.iter_mut().filter(|(key, _)| !known(key)) {
                    self::default(value, additional);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    default(item, schema);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "color": {"type": "string", "default": "red"},
            "note": {"type": "string", "nullable": true, "default": "n"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                "properties": {"known": {"type": "object"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "object", "properties": {
                "def": {"type": "string", "default": "d"}}}},
            "items": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, "def": {"type": "string", "default": "d"}}}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true}
        }}}})
    }

    #[test]
    fn unknown_fields_go_unless_they_are_preserved() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "K", "metadata": {"name": "w"}, "extra": 1,
            "spec": {"bogus": 1, "free": {"any": {"x": [1]}, "known": {"y": 1}}, "labels": {"a": {"z": 1}},
                "items": [{"name": "a", "zzz": 1}], "embedded": {"kind": "Pod", "metadata": {}, "spec": {}}}
        });
        let dropped = prune(&mut object, &schema());
        assert_eq!(
            dropped,
            [
                "extra",
                "spec.bogus",
                "spec.embedded.spec",
                "spec.free.known.y",
                "spec.items[0].zzz",
                "spec.labels.a.z"
            ]
        );
        assert_eq!(
            object,
            json!({
                "apiVersion": "v1", "kind": "K", "metadata": {"name": "w"},
                "spec": {"free": {"any": {"x": [1]}, "known": {}}, "labels": {"a": {}},
                    "items": [{"name": "a"}], "embedded": {"kind": "Pod", "metadata": {}}}
            })
        );
    }

    #[test]
    fn defaults_fill_what_is_absent_or_wrongly_null_at_every_depth() {
        let mut object = json!({"spec": {"color": null, "note": null, "items": [{}], "labels": {"a": {}}}});
        default(&mut object, &schema());
        assert_eq!(
            object,
            json!({"spec": {"color": "red", "note": null, "items": [{"def": "d"}], "labels": {"a": {"def": "d"}}}})
        );
        let mut empty = json!({});
        default(&mut empty, &schema());
        assert_eq!(empty, json!({}));
    }
}
