//! The `scale` subresource: the replicas of an object as `autoscaling/v1` `Scale`.

use http::Method;
use pilothouse_machinery::{GroupVersionKind, Status, patch as engine};
use serde_json::{Value, json};

use super::metadata::{cause, text};
use super::reply::{Content, Reply};
use super::subresources::method_not_allowed;
use super::update::{Author, Target, Update, update_object};
use crate::ApiServer;
use crate::kind::Scale;
use crate::kinds::selector;
use crate::request::{Call, WriteOptions, decode_options};

/// A request to `/scale` of an object whose kind has one.
pub(super) fn scale(
    server: &ApiServer,
    call: &Call,
    method: &Method,
    paths: &Scale,
) -> Result<Reply, Status> {
    let resource = &call.kind.resource;
    let reply = |object: &Value| Reply::new(200, Content::Other(view(paths, object)));
    if method == Method::GET {
        let found = server.store().get(&call.kind, &call.key());
        let found = found.ok_or_else(|| Status::not_found(&resource.group, &resource.plural, &call.name))?;
        return Ok(reply(&found.value(&call.kind)));
    }
    let patches = match *method {
        Method::PUT => false,
        Method::PATCH => true,
        _ => return Err(method_not_allowed()),
    };
    let options = WriteOptions::parse(&call.query, "UpdateOptions")?;
    let body = if patches {
        serde_json::from_slice(&call.body)
            .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?
    } else {
        decode_options(call, &GroupVersionKind::new("autoscaling", "v1", "Scale"))?
    };
    let update = Update {
        kind: &call.kind,
        key: call.key(),
        target: Target::Object,
        author: Author::of(server, call, &options, Some("scale")),
        patches: true,
    };
    let content = update_object(server, &update, &mut |old| {
        let mut wanted = view(paths, old);
        if !patches {
            wanted.clone_from(&body);
        } else if call.content_type() == "application/json-patch+json" {
            engine::json_patch(&mut wanted, &body).map_err(|error| error.status())?;
        } else {
            engine::merge_patch(&mut wanted, &body).map_err(|error| error.status())?;
        }
        let replicas = replicas_of(&wanted, patches)?;
        change(paths, old, &wanted, replicas)
    })?;
    Ok(match content {
        Content::Stored(object) => reply(&object.value(&call.kind)),
        Content::Value(object) => reply(&object),
        other => Reply::new(200, other),
    })
}

/// `.spec.replicas` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn view(paths: &Scale, object: &Value) -> Value {
    let number = |path: &str| object.pointer(&pointer(path)).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = serde_json::Map::new();
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(name) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&paths.spec_replicas)},
        "status": {"replicas": number(&paths.status_replicas)},
    });
    let selector = paths.label_selector.as_ref().and_then(|path| object.pointer(&pointer(path)));
    match selector {
        Some(Value::String(text)) => scale["status"]["selector"] = text.as_str().into(),
        Some(value @ Value::Object(_)) => scale["status"]["selector"] = selector::print(value).into(),
        _ => {}
    }
    scale
}

/// The wanted number, which is 0 when absent; what is no whole number of 32 bits is refused.
fn replicas_of(wanted: &Value, patches: bool) -> Result<i64, Status> {
    let given = &wanted["spec"]["replicas"];
    let number = if given.is_null() { Some(0) } else { given.as_i64() };
    if let Some(number) = number.filter(|number| i32::try_from(*number).is_ok()) {
        return Ok(number);
    }
    let why =
        format!("json: cannot unmarshal {given} into Go struct field ScaleSpec.spec.replicas of type int32");
    Err(if patches {
        let cause = cause("FieldValueInvalid", "patch", format!("Invalid value: {given}: {why}"));
        Status::invalid("", "", "", vec![cause])
    } else {
        Status::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {why}"))
    })
}

fn change(paths: &Scale, old: &Value, wanted: &Value, replicas: i64) -> Result<Value, Status> {
    if replicas < 0 {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let cause = cause("FieldValueInvalid", "spec.replicas", message);
        return Err(Status::invalid("autoscaling", "Scale", text(old, "name"), vec![cause]));
    }
    let mut new = old.clone();
    set(&mut new, &paths.spec_replicas, replicas.into());
    if let Some(version) = wanted["metadata"]["resourceVersion"].as_str().filter(|text| !text.is_empty()) {
        new["metadata"]["resourceVersion"] = version.into();
    }
    Ok(new)
}

/// Sets the value at a path like `.spec.replicas`, making the objects on the way.
fn set(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part];
    }
    *place = value;
}
