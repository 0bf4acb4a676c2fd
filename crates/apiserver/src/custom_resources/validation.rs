//! What is wrong with a custom resource by its schema, in the words of kube-apiserver.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use parking_lot::Mutex;
use pilothouse_machinery::StatusCause;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::formats;
use super::structural::flag;
use crate::kinds::causes;

/// Validates objects by one schema. Patterns are compiled once, when first used.
#[derive(Clone, Debug)]
pub(super) struct Validator {
    schema: Arc<Value>,
    patterns: Arc<Mutex<IndexMap<String, Option<Regex>>>>,
}

impl Validator {
    pub(super) fn new(schema: Value) -> Self {
        Self { schema: Arc::new(schema), patterns: Arc::default() }
    }

    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    /// All that is wrong with `object`, whose metadata are judged elsewhere.
    pub(super) fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        self.value(object, &self.schema, "", &mut found);
        found
    }

    fn value(&self, value: &Value, schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
        if value.is_null() && flag(schema, "nullable") {
            return;
        }
        if !has_type(value, schema) {
            found.push(wrong_type(value, schema, path));
            return;
        }
        match value {
            Value::String(text) => self.string(text, schema, path, found),
            Value::Number(_) => number(value, schema, path, found),
            Value::Array(items) => self.array(items, schema, path, found),
            Value::Object(map) => self.object(map, schema, path, found),
            _ => {}
        }
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.contains(value)
        {
            let allowed: Vec<_> = allowed.iter().map(plain).collect();
            let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
            found.push(causes::not_supported(path, value, &allowed));
        }
        self.combinations(value, schema, path, found);
    }

    fn string(&self, text: &str, schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
        let length = text.chars().count() as u64;
        if let Some(maximum) =
            schema.get("maxLength").and_then(Value::as_u64).filter(|maximum| length > *maximum)
        {
            found.push(causes::too_long(path, usize::try_from(maximum).unwrap_or(usize::MAX)));
        }
        if let Some(minimum) =
            schema.get("minLength").and_then(Value::as_u64).filter(|minimum| length < *minimum)
        {
            let detail = format!("{path} in body should be at least {minimum} chars long");
            found.push(causes::invalid(path, &text.into(), &detail));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && !self.matches(pattern, text)
        {
            let detail = format!("{path} in body should match '{pattern}'");
            found.push(causes::invalid(path, &text.into(), &detail));
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && !formats::matches(format, text)
        {
            let detail = format!("{path} in body must be of type {format}: {text:?}");
            found.push(causes::type_invalid(path, &text.into(), &detail));
        }
    }

    /// Whether `pattern` is found in `text`. A pattern that cannot be compiled here matches everything.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut patterns = self.patterns.lock();
        let compiled = patterns.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
        compiled.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    fn array(&self, items: &[Value], schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
        if let Some(maximum) = schema.get("maxItems").and_then(Value::as_u64)
            && items.len() as u64 > maximum
        {
            found.push(causes::too_many(path, items.len(), maximum));
        }
        if let Some(minimum) = schema.get("minItems").and_then(Value::as_u64)
            && (items.len() as u64) < minimum
        {
            let detail = format!("{path} in body should have at least {minimum} items");
            found.push(causes::invalid(path, &items.len().into(), &detail));
        }
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(item, schema, &format!("{path}[{index}]"), found);
            }
        }
        duplicates(items, schema, path, found);
    }

    fn object(&self, map: &Map<String, Value>, schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
        let within = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        if let Some(maximum) = schema.get("maxProperties").and_then(Value::as_u64)
            && map.len() as u64 > maximum
        {
            found.push(causes::too_many(path, map.len(), maximum));
        }
        if let Some(minimum) = schema.get("minProperties").and_then(Value::as_u64)
            && (map.len() as u64) < minimum
        {
            let detail = format!("{path} in body should have at least {minimum} properties");
            found.push(causes::invalid(path, &map.len().into(), &detail));
        }
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let key = key.as_str().unwrap_or("");
            if !map.contains_key(key) {
                found.push(causes::required(within(key), ""));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties").filter(|schema| schema.is_object());
        for (key, value) in map {
            if path.is_empty() && matches!(key.as_str(), "metadata" | "kind" | "apiVersion") {
                continue;
            }
            let schema = properties.and_then(|properties| properties.get(key)).or(additional);
            if let Some(schema) = schema {
                self.value(value, schema, &within(key), found);
            }
        }
    }

    fn combinations(&self, value: &Value, schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
        let passes = |schema: &Value| {
            let mut wrong = Vec::new();
            self.value(value, schema, path, &mut wrong);
            wrong.is_empty()
        };
        let among = |key: &str| schema.get(key).and_then(Value::as_array);
        let mut refuse = |words: &str| {
            found.push(causes::invalid(path, &"".into(), &format!("{path:?} must {words}")));
        };
        if let Some(schemas) = among("anyOf")
            && !schemas.iter().any(passes)
        {
            refuse("validate at least one schema (anyOf)");
        }
        if let Some(schemas) = among("oneOf") {
            match schemas.iter().filter(|schema| passes(schema)).count() {
                1 => {}
                0 => refuse("validate one and only one schema (oneOf). Found none valid"),
                many => refuse(&format!(
                    "validate one and only one schema (oneOf). Found {many} valid alternatives"
                )),
            }
        }
        if let Some(schemas) = among("allOf")
            && !schemas.iter().all(passes)
        {
            refuse("validate all the schemas (allOf)");
        }
        if schema.get("not").is_some_and(passes) {
            refuse("not validate the schema (not)");
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number without a fraction is an integer, however it is written.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|it| it.fract() != 0.0) => {
            "number"
        }
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let found = type_of(value);
    if flag(schema, "x-kubernetes-int-or-string") {
        return matches!(found, "integer" | "string");
    }
    match schema.get("type").and_then(Value::as_str) {
        None | Some("") => true,
        Some("number") => matches!(found, "integer" | "number"),
        Some(wanted) => wanted == found,
    }
}

fn wrong_type(value: &Value, schema: &Value, path: &str) -> StatusCause {
    let found = type_of(value);
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or("integer,string");
    let detail = format!("{path} in body must be of type {wanted}: {found:?}");
    causes::type_invalid(path, &found.into(), &detail)
}

fn number(value: &Value, schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
    let Some(number) = value.as_f64() else { return };
    let bound = |key: &str| schema.get(key).and_then(|bound| Some((bound, bound.as_f64()?)));
    let mut refuse = |words: String| {
        found.push(causes::invalid(path, value, &format!("{path} in body should be {words}")));
    };
    if let Some((text, maximum)) = bound("maximum") {
        if flag(schema, "exclusiveMaximum") && number >= maximum {
            refuse(format!("less than {text}"));
        } else if number > maximum {
            refuse(format!("less than or equal to {text}"));
        }
    }
    if let Some((text, minimum)) = bound("minimum") {
        if flag(schema, "exclusiveMinimum") && number <= minimum {
            refuse(format!("greater than {text}"));
        } else if number < minimum {
            refuse(format!("greater than or equal to {text}"));
        }
    }
    if let Some((text, divisor)) = bound("multipleOf")
        && (number / divisor).fract() != 0.0
    {
        refuse(format!("a multiple of {text}"));
    }
}

/// Lists of type `set` have distinct values, lists of type `map` distinct keys.
fn duplicates(items: &[Value], schema: &Value, path: &str, found: &mut Vec<StatusCause>) {
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let identity = |item: &Value| match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let mut identity = json!({});
            for key in keys.into_iter().flatten().filter_map(Value::as_str) {
                if let Some(value) = item.get(key) {
                    identity[key] = value.clone();
                }
            }
            Some(identity)
        }
        _ => None,
    };
    let mut seen = IndexSet::new();
    for (index, item) in items.iter().enumerate() {
        let Some(identity) = identity(item) else { return };
        if seen.contains(&identity) {
            found.push(causes::duplicate(format!("{path}[{index}]"), &identity));
        } else {
            seen.insert(identity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(schema: &Value, spec: &Value) -> Vec<String> {
        let validator = Validator::new(json!({"type": "object", "properties": {"spec": schema}}));
        let found = validator.validate(&json!({"metadata": {"name": 1}, "spec": spec}));
        found.into_iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
    }

    #[test]
    fn all_errors_are_told_at_once_with_the_words_of_a_real_server() {
        let schema = json!({"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 10, "exclusiveMaximum": true},
            "short": {"type": "string", "minLength": 2, "maxLength": 4},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "tags": {"type": "array", "maxItems": 1, "items": {"type": "string"}}}});
        assert_eq!(
            lines(&schema, &json!({"short": "a", "code": "A", "tags": ["a", 1]})),
            [
                "spec.size: Required value",
                "spec.code: Invalid value: \"A\": spec.code in body should match '^[a-z]+$'",
                "spec.short: Invalid value: \"a\": spec.short in body should be at least 2 chars long",
                "spec.tags: Too many: 2: must have at most 1 item",
                "spec.tags[1]: Invalid value: \"integer\": spec.tags[1] in body must be of type string: \"integer\"",
            ]
        );
        assert_eq!(
            lines(&schema, &json!({"size": 10, "short": "abcde"})),
            [
                "spec.short: Too long: may not be more than 4 bytes",
                "spec.size: Invalid value: 10: spec.size in body should be less than 10",
            ]
        );
        assert_eq!(lines(&schema, &json!({"size": 9.0})), [""; 0]);
    }

    #[test]
    fn combinations_count_the_schemas_that_pass() {
        let one = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(lines(&one, &json!({"a": 1})), [""; 0]);
        assert_eq!(lines(&one, &json!({})).len(), 1);
        let both = lines(&one, &json!({"a": 1, "b": 1}));
        assert!(both[0].ends_with("(oneOf). Found 2 valid alternatives"), "{both:?}");
        let not = json!({"not": {"required": ["a"]}});
        assert_eq!(lines(&not, &json!({"a": 1})).len(), 1);
    }

    #[test]
    fn nulls_ints_and_strings_pass_where_the_schema_says_so() {
        assert_eq!(lines(&json!({"type": "string", "nullable": true}), &json!(null)), [""; 0]);
        assert_eq!(lines(&json!({"type": "string"}), &json!(null)).len(), 1);
        let either = json!({"x-kubernetes-int-or-string": true});
        assert_eq!(lines(&either, &json!(80)), [""; 0]);
        assert_eq!(lines(&either, &json!("http")), [""; 0]);
        assert_eq!(lines(&either, &json!(true)).len(), 1);
    }
}
