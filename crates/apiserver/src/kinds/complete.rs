//! Fields that an object of a built-in type always has, whoever wrote it.
//!
//! Go writes structs, and fields without `omitempty`, even when nobody set them. With what
//! [`crate::fields`] leaves out this makes the same object always the same bytes.

use pilothouse_machinery::schema::{FieldType, MessageType, Shape, ValueKind};
use serde_json::{Map, Value};

use crate::fields::message_of;
use crate::kind::Kind;

/// Adds the fields that are always there to an object of a built-in kind.
pub(crate) fn complete(kind: &Kind, object: &mut Value) {
    if let Some(message) = message_of(kind) {
        complete_value(object, message);
    }
}

fn complete_value(value: &mut Value, message: &MessageType) {
    if let Some(map) = value.as_object_mut() {
        fields(map, message);
    }
}

fn fields(map: &mut Map<String, Value>, message: &MessageType) {
    for field in &message.fields {
        match field.inlined() {
            Some(inner) if inner.name == "meta/v1.TypeMeta" => {}
            Some(inner) => fields(map, inner),
            None => one(map, field),
        }
    }
}

fn one(map: &mut Map<String, Value>, field: &FieldType) {
    let name = field.json_name.as_ref();
    // Stored as protobuf, an empty list is no list.
    let emptied = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    if map.get(name).is_none_or(emptied) {
        match unset(field) {
            Some(value) => map.insert(name.to_owned(), value),
            None => map.remove(name),
        };
    }
    let (Some(value), Some(message)) = (map.get_mut(name), field.message()) else { return };
    match (field.shape, value) {
        (Shape::List, Value::Array(items)) => items.iter_mut().for_each(|item| complete_value(item, message)),
        (Shape::Map, Value::Object(entries)) => {
            entries.values_mut().for_each(|entry| complete_value(entry, message));
        }
        (Shape::One | Shape::Pointer, value) => complete_value(value, message),
        _ => {}
    }
}

/// What is written for a field that nobody set; `None` when nothing is.
fn unset(field: &FieldType) -> Option<Value> {
    match (field.shape, &field.kind) {
        (Shape::One, ValueKind::Message(_)) => (!field.omits_zero()).then(|| Value::Object(Map::new())),
        (Shape::One, ValueKind::Time | ValueKind::MicroTime) => (!field.omits_zero()).then_some(Value::Null),
        _ if field.omits_empty() => None,
        (Shape::One, ValueKind::String) => Some("".into()),
        (Shape::One, ValueKind::Bool) => Some(false.into()),
        (Shape::One, ValueKind::Int32 | ValueKind::Int64) => Some(0.into()),
        (Shape::List | Shape::Map | Shape::Pointer, _) => Some(Value::Null),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pilothouse_machinery::GroupVersionKind;
    use pilothouse_machinery::schema::Schema;
    use serde_json::json;

    use super::*;

    fn completed(group: &'static str, kind: &'static str, mut value: Value) -> Value {
        let message = Schema::builtin().kind(&GroupVersionKind::new(group, "v1", kind)).unwrap();
        complete_value(&mut value, message);
        value
    }

    #[test]
    fn structs_and_unmarked_fields_are_always_there() {
        let event = completed("", "Event", json!({"metadata": {"name": "e"}}));
        let expected = json!({
            "metadata": {"name": "e"}, "involvedObject": {}, "source": {}, "firstTimestamp": null,
            "lastTimestamp": null, "eventTime": null, "reportingComponent": "", "reportingInstance": ""
        });
        assert_eq!(event, expected);
        let set = completed("apps", "ReplicaSet", json!({"spec": {"replicas": 0}}));
        assert_eq!(
            set,
            json!({"metadata": {}, "status": {"replicas": 0},
                "spec": {"replicas": 0, "selector": null, "template": {"metadata": {}, "spec": {"containers": null}}}})
        );
        let pod = completed(
            "",
            "Pod",
            json!({"spec": {"containers": [{"name": "c"}]}, "status": {"conditions": [{}]}}),
        );
        assert_eq!(pod["spec"]["containers"], json!([{"name": "c", "resources": {}}]));
        let condition = json!({"type": "", "status": "", "lastProbeTime": null, "lastTransitionTime": null});
        assert_eq!(pod["status"]["conditions"], json!([condition]));
    }
}
