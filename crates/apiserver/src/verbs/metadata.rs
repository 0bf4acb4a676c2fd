//! The rules of `metadata`, the same for all types.

use pilothouse_machinery::selector::{check_label_key, check_label_value};
use pilothouse_machinery::{Environment, StatusCause};
use serde_json::{Map, Value};

use super::names::check_name;
use crate::kind::Kind;

/// Members that only the server writes.
const SERVERS: [&str; 6] =
    ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"];

const MAX_ANNOTATION_BYTES: usize = 256 << 10;

/// One cause of a refusal.
pub(super) fn cause(reason: &str, field: &str, message: String) -> StatusCause {
    StatusCause { reason: reason.into(), message, field: field.into() }
}

/// `Invalid value: ...`.
pub(super) fn invalid(field: &str, value: &str, why: &str) -> StatusCause {
    cause("FieldValueInvalid", field, format!("Invalid value: {value:?}: {why}"))
}

/// The time as objects carry it: whole seconds, UTC.
pub(crate) fn timestamp(environment: &Environment) -> String {
    format_seconds(environment.now().as_second())
}

/// A time in seconds since 1970 as objects carry it.
pub(super) fn format_seconds(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// A text in `metadata`, empty when absent.
pub(crate) fn text<'object>(object: &'object Value, name: &str) -> &'object str {
    object["metadata"][name].as_str().unwrap_or_default()
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a deletion of the object has begun.
pub(crate) fn is_terminating(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// `metadata` of an object, made if absent.
pub(super) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    match &mut object["metadata"] {
        Value::Object(metadata) => metadata,
        _ => unreachable!("metadata was made an object above"),
    }
}

/// Sets what the server sets on a new object, whatever the client said.
pub(super) fn fill_new(kind: &Kind, object: &mut Value, environment: &Environment) {
    let (uid, now) = (environment.random_uuid(), timestamp(environment));
    let metadata = metadata_mut(object);
    for name in SERVERS.iter().chain(&["resourceVersion"]) {
        metadata.remove(*name);
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), now.into());
    if kind.has_generation {
        metadata.insert("generation".into(), 1.into());
    }
    drop_empty(metadata);
}

/// Carries over what an update cannot change.
pub(super) fn carry_over(new: &mut Value, old: &Value) {
    let metadata = metadata_mut(new);
    for name in SERVERS.iter().chain(&["name", "namespace", "generateName", "resourceVersion"]) {
        match &old["metadata"][*name] {
            Value::Null => _ = metadata.remove(*name),
            value => _ = metadata.insert((*name).to_owned(), value.clone()),
        }
    }
    drop_empty(metadata);
}

/// Leaves out what is empty, as the API's encoding of metadata does.
fn drop_empty(metadata: &mut Map<String, Value>) {
    for name in ["labels", "annotations", "finalizers", "ownerReferences", "generateName", "namespace"] {
        let empty = match metadata.get(name) {
            Some(Value::Null) => true,
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::String(text)) => text.is_empty(),
            _ => false,
        };
        if empty {
            metadata.remove(name);
        }
    }
}

/// Counts a change of the specification.
pub(super) fn bump_generation(kind: &Kind, new: &mut Value, old: &Value) {
    if kind.has_generation && specification_differs(kind, new, old) {
        add_generation(new);
    }
}

/// Adds one to `metadata.generation`.
pub(super) fn add_generation(object: &mut Value) {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    metadata_mut(object).insert("generation".into(), (generation + 1).into());
}

fn specification_differs(kind: &Kind, new: &Value, old: &Value) -> bool {
    let counts = |name: &str| match name {
        "metadata" | "apiVersion" | "kind" => false,
        "status" => !kind.status_subresource,
        _ => true,
    };
    let members = |object: &Value| -> Map<String, Value> {
        let members = object.as_object().into_iter().flatten();
        members.filter(|(name, _)| counts(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let annotations = |object: &Value| object["metadata"]["annotations"].clone();
    members(new) != members(old)
        || (kind.generation_counts_annotations && annotations(new) != annotations(old))
}

/// What is wrong with the metadata of a new or changed object.
pub(super) fn validate(kind: &Kind, object: &Value) -> Vec<StatusCause> {
    let mut causes = Vec::new();
    let name = text(object, "name");
    for why in check_name(kind.name_rule, name) {
        causes.push(invalid("metadata.name", name, &why));
    }
    let members = |member: &'static str| object["metadata"][member].as_object().into_iter().flatten();
    for (key, value) in members("labels") {
        if let Err(error) = check_label_key(key) {
            causes.push(invalid("metadata.labels", key, &error.to_string()));
        }
        let value = value.as_str().unwrap_or_default();
        if let Err(error) = check_label_value(value) {
            causes.push(invalid("metadata.labels", value, &error.to_string()));
        }
    }
    let mut bytes = 0;
    for (key, value) in members("annotations") {
        if let Err(error) = check_label_key(&key.to_lowercase()) {
            causes.push(invalid("metadata.annotations", key, &error.to_string()));
        }
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > MAX_ANNOTATION_BYTES {
        let message = format!("Too long: may not be more than {MAX_ANNOTATION_BYTES} bytes");
        causes.push(cause("FieldValueTooLong", "metadata.annotations", message));
    }
    if !kind.custom && kind.resource.group != "apiextensions.k8s.io" {
        causes.extend(finalizers(object).into_iter().filter_map(check_finalizer));
    }
    causes.extend(check_owners(object));
    causes
}

fn check_finalizer(finalizer: &str) -> Option<StatusCause> {
    let standard = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
    let why = match check_label_key(finalizer) {
        Err(error) => error.to_string(),
        Ok(()) if standard || finalizer.contains('/') => return None,
        Ok(()) => "name is neither a standard finalizer name nor is it fully qualified".into(),
    };
    Some(invalid("metadata.finalizers", finalizer, &why))
}

fn check_owners(object: &Value) -> Vec<StatusCause> {
    let owners: Vec<_> = object["metadata"]["ownerReferences"].as_array().into_iter().flatten().collect();
    let mut causes = Vec::new();
    for owner in &owners {
        for (member, what) in [("apiVersion", "version"), ("kind", "kind"), ("name", "name"), ("uid", "uid")]
        {
            if owner[member].as_str().unwrap_or_default().is_empty() {
                let field = format!("metadata.ownerReferences.{member}");
                causes.push(invalid(&field, "", &format!("{what} must not be empty")));
            }
        }
    }
    let controllers: Vec<_> =
        owners.iter().filter(|owner| owner["controller"] == Value::Bool(true)).collect();
    if let [first, second, ..] = controllers.as_slice() {
        let name = |owner: &Value| owner["name"].as_str().unwrap_or_default().to_owned();
        let message = format!(
            "Invalid value: {}: Only one reference can have Controller set to true. Found \"true\" in references \
             for {} and {}",
            object["metadata"]["ownerReferences"],
            name(first),
            name(second)
        );
        causes.push(cause("FieldValueInvalid", "metadata.ownerReferences", message));
    }
    causes
}

/// What is wrong with the change of an object: new finalizers while it is being deleted.
pub(super) fn validate_update(kind: &Kind, new: &Value, old: &Value) -> Vec<StatusCause> {
    let mut causes = validate(kind, new);
    if is_terminating(old) {
        let known = finalizers(old);
        let added: Vec<_> =
            finalizers(new).into_iter().filter(|finalizer| !known.contains(finalizer)).collect();
        if !added.is_empty() {
            let list = added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
            let message = format!(
                "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \
                 []string{{{list}}}"
            );
            causes.push(cause("FieldValueForbidden", "metadata.finalizers", message));
        }
    }
    causes
}
