//! Fields of an object that its type does not have, for field validation.

use serde_json::Value;

use super::types::{MessageType, Shape};

/// The paths of all fields that the type does not know, as `spec.template.spec.containers[0].imagee`.
///
/// Names are compared exactly. A value of another JSON type than its field's is not looked into, nor are fields that
/// hold any value (`RawExtension`, JSON schemas). The order is that of the object.
#[must_use]
pub fn unknown_fields(object: &Value, message: &MessageType) -> Vec<String> {
    let mut unknown = Vec::new();
    visit(object, message, "", &mut unknown);
    unknown
}

fn visit(value: &Value, message: &MessageType, path: &str, unknown: &mut Vec<String>) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(field) = message.field(name) else {
            if !message.open {
                unknown.push(path);
            }
            continue;
        };
        let Some(inner) = field.message() else { continue };
        match (field.shape, value) {
            (Shape::One | Shape::Pointer, _) => visit(value, inner, &path, unknown),
            (Shape::List, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    visit(item, inner, &format!("{path}[{index}]"), unknown);
                }
            }
            (Shape::Map, Value::Object(entries)) => {
                for (key, entry) in entries {
                    visit(entry, inner, &format!("{path}.{key}"), unknown);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::Schema;
    use super::*;
    use crate::GroupVersionKind;

    #[test]
    fn what_a_type_does_not_have_is_named_by_path() {
        let deployment = Schema::builtin().kind(&GroupVersionKind::new("apps", "v1", "Deployment")).unwrap();
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "labels": {"any": "b"}, "lables": {}},
            "spec": {"foo": 1, "replicas": "wrong type is not ours", "template": {"spec": {
                "containers": [{"name": "a", "livenessProbe": {"httpGet": {"port": 1}, "periodSecond": 2}}],
                "volumes": [{"name": "v", "emptyDir": {}, "VolumeSource": {}}]}}},
            "bogus": {"deep": 1}
        });
        assert_eq!(
            unknown_fields(&object, deployment),
            [
                "bogus",
                "metadata.lables",
                "spec.foo",
                "spec.template.spec.containers[0].livenessProbe.periodSecond",
                "spec.template.spec.volumes[0].VolumeSource",
            ]
        );
    }
}
