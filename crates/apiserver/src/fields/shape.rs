//! An object against its type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilothouse_machinery::schema::{FieldType, MessageType, Omission, Shape, ValueKind};
use serde_json::{Map, Value};

use super::check::Findings;

/// Removes unknown and empty fields; tells the unknown ones and the first value of a wrong type.
pub(super) fn tidy(object: &mut Value, message: &MessageType, kind: &str) -> Findings {
    let mut visitor = Visitor { kind, findings: Findings::default() };
    if let Some(members) = object.as_object_mut() {
        visitor.members(members, message, "");
    }
    visitor.findings
}

/// The same for the metadata of an object whose other members have no built-in type.
pub(super) fn tidy_metadata(object: &mut Value, message: &MessageType) -> Findings {
    let mut visitor = Visitor { kind: "ObjectMeta", findings: Findings::default() };
    if let Some(members) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        visitor.members(members, message, "metadata");
    }
    visitor.findings
}

struct Visitor<'kind> {
    kind: &'kind str,
    findings: Findings,
}

impl Visitor<'_> {
    fn members(&mut self, members: &mut Map<String, Value>, message: &MessageType, path: &str) {
        members.retain(|name, value| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let Some(field) = message.field(name) else {
                if !(path == "kind" || path == "apiVersion") {
                    self.findings.strict.push(format!("unknown field {path:?}"));
                    return false;
                }
                return true;
            };
            self.field(value, field, &path);
            !is_left_out(value, field)
        });
    }

    fn field(&mut self, value: &mut Value, field: &FieldType, path: &str) {
        match (field.shape, value) {
            (_, Value::Null) => {}
            (Shape::One | Shape::Pointer, value) => self.element(value, field, path),
            (Shape::List, Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.element(item, field, &format!("{path}[{index}]"));
                }
            }
            (Shape::Map, Value::Object(entries)) => {
                for (key, entry) in entries {
                    self.element(entry, field, &format!("{path}.{key}"));
                }
            }
            // Bytes are text in JSON, whatever their shape.
            (Shape::List, value @ Value::String(_)) if field.kind == ValueKind::Bytes => {
                self.element(value, field, path);
            }
            (Shape::List, value) => self.wrong(value, path, "a list"),
            (Shape::Map, value) => self.wrong(value, path, "a map"),
        }
    }

    fn element(&mut self, value: &mut Value, field: &FieldType, path: &str) {
        if let (Some(message), Value::Object(members)) = (field.message(), &mut *value) {
            return self.members(members, message, path);
        }
        if let (ValueKind::Bytes, Value::String(text)) = (&field.kind, &mut *value) {
            // Go's decoder skips line breaks: a block of YAML has them.
            text.retain(|letter| !matches!(letter, '\n' | '\r'));
        }
        let (fits, expected) = match &field.kind {
            ValueKind::String => (value.is_string(), "string"),
            ValueKind::Bytes => (is_base64(value), "[]uint8"),
            ValueKind::Bool => (value.is_boolean(), "bool"),
            ValueKind::Int32 => (value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()), "int32"),
            ValueKind::Int64 => (value.as_i64().is_some(), "int64"),
            ValueKind::Double => (value.is_number(), "float64"),
            ValueKind::Time | ValueKind::MicroTime => (value.is_string(), "time"),
            ValueKind::IntOrString => (value.is_string() || value.is_number(), "int or string"),
            ValueKind::Message(_) => (false, "object"),
            _ => (true, ""),
        };
        if !fits && !value.is_null() {
            self.wrong(value, path, expected);
        }
    }

    fn wrong(&mut self, value: &Value, path: &str, expected: &str) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let kind = self.kind;
        self.findings.wrong.get_or_insert_with(|| {
            format!("json: cannot unmarshal {found} into Go struct field {kind}.{path} of type {expected}")
        });
    }
}

fn is_base64(value: &Value) -> bool {
    value.as_str().is_some_and(|text| STANDARD.decode(text).is_ok())
}

/// Whether Go's encoder would not write the field. Zero structs and times stay.
fn is_left_out(value: &Value, field: &FieldType) -> bool {
    if field.omission == Omission::Never {
        return false;
    }
    match (field.shape, value) {
        (Shape::Pointer | Shape::List | Shape::Map, Value::Null) => true,
        (Shape::List, Value::Array(items)) => items.is_empty(),
        (Shape::Map, Value::Object(entries)) => entries.is_empty(),
        (Shape::One, Value::Null) => !matches!(field.kind, ValueKind::Time | ValueKind::MicroTime),
        (Shape::One, Value::String(text)) => text.is_empty() && matches!(field.kind, ValueKind::String),
        (Shape::One, Value::Bool(flag)) => !flag,
        (Shape::One, Value::Number(number)) => {
            number.as_i64() == Some(0) && matches!(field.kind, ValueKind::Int32 | ValueKind::Int64)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use pilothouse_machinery::GroupVersionKind;
    use pilothouse_machinery::schema::Schema;
    use serde_json::json;

    use super::*;

    fn deployment(object: &Value) -> (Value, Findings) {
        let message = Schema::builtin().kind(&GroupVersionKind::new("apps", "v1", "Deployment")).unwrap();
        let mut object = object.clone();
        let findings = tidy(&mut object, message, "Deployment");
        (object, findings)
    }

    #[test]
    fn unknown_and_empty_fields_go_and_the_unknown_ones_are_told() {
        let (object, findings) = deployment(&json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "bogus": 1,
            "metadata": {"name": "a", "namespace": "", "labels": {}, "annotations": null},
            "spec": {"replicas": 0, "paused": false, "template": {"spec": {"containers": [
                {"name": "c", "imagee": "x", "env": [], "securityContext": {}}
            ]}}}
        }));
        let container = json!({"name": "c", "securityContext": {}});
        let expected = json!({
            "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a"},
            "spec": {"replicas": 0, "template": {"spec": {"containers": [container]}}}
        });
        assert_eq!(object, expected);
        let imagee = "unknown field \"spec.template.spec.containers[0].imagee\"";
        assert_eq!(findings.strict, ["unknown field \"bogus\"", imagee]);
        assert_eq!(findings.wrong, None);
    }

    #[test]
    fn line_breaks_in_base64_are_nothing() {
        let message = Schema::builtin().kind(&GroupVersionKind::new("", "v1", "Secret")).unwrap();
        let mut secret = json!({"data": {"a": "YWJj\nZGVm\r\n", "b": "!"}, "stringData": {"c": "x\ny"}});
        let findings = tidy(&mut secret, message, "Secret");
        assert_eq!((&secret["data"]["a"], &secret["stringData"]["c"]), (&json!("YWJjZGVm"), &json!("x\ny")));
        assert!(findings.wrong.unwrap().contains("Secret.data.b of type []uint8"));
    }

    #[test]
    fn a_value_of_a_wrong_type_makes_it_no_object_of_its_type() {
        let wrong = |spec: Value| deployment(&json!({"spec": spec})).1.wrong.unwrap();
        let text =
            "json: cannot unmarshal string into Go struct field Deployment.spec.replicas of type int32";
        assert_eq!(wrong(json!({"replicas": "3"})), text);
        assert!(wrong(json!({"template": []})).contains("spec.template of type object"));
        assert!(wrong(json!({"template": {"spec": {"containers": {}}}})).contains("of type a list"));
        assert!(
            wrong(json!({"template": {"metadata": {"labels": {"a": 1}}}}))
                .contains("labels.a of type string")
        );
    }
}
