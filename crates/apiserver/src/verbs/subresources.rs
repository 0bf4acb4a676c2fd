//! Subresources: status, scale, finalize, binding, eviction.

use http::Method;
use pilothouse_machinery::{GroupVersionKind, Status, StatusDetails, StatusReason};
use serde_json::{Value, json};

use super::reply::{Content, Reply};
use super::scale::scale;
use super::update::{Author, Target, Update, update_object};
use super::{delete_object, get, metadata, patch, update};
use crate::ApiServer;
use crate::access;
use crate::kind::Kind;
use crate::request::{Call, DeleteOptions, WriteOptions, decode_object, decode_options};

/// A request to `name` of an object; `None` where the kind has no such subresource.
pub(crate) async fn subresource(
    server: &ApiServer,
    call: &Call,
    method: &Method,
    name: &str,
) -> Option<Result<Reply, Status>> {
    let kind = &call.kind;
    Some(match (name, method) {
        ("status", _) if !kind.status_subresource => return None,
        ("status", &Method::GET) => get(server, call).await,
        ("status", &Method::PUT) => update(server, call, Target::Status),
        ("status", &Method::PATCH) => patch(server, call, Target::Status),
        ("approval", &Method::GET) if offers(kind, name) => get(server, call).await,
        ("approval", &Method::PUT) if offers(kind, name) => update(server, call, Target::Approval),
        ("approval", &Method::PATCH) if offers(kind, name) => patch(server, call, Target::Approval),
        ("scale", method) => scale(server, call, method, kind.scale.as_ref()?),
        ("finalize", &Method::PUT) if kind.is("", "namespaces") => finalize(server, call),
        ("binding", &Method::POST) if kind.is("", "pods") => bind(server, call),
        ("eviction", &Method::POST) if kind.is("", "pods") => evict(server, call),
        ("token", &Method::POST) if kind.is("", "serviceaccounts") => {
            access::token_request::create(server, call)
        }
        ("token", _) if kind.is("", "serviceaccounts") => Err(method_not_allowed()),
        ("status" | "finalize" | "binding" | "eviction", _) => Err(method_not_allowed()),
        _ => return None,
    })
}

/// Whether the kind has this subresource.
fn offers(kind: &Kind, name: &str) -> bool {
    kind.subresources.iter().any(|known| known == name)
}

/// 405.
pub(crate) fn method_not_allowed() -> Status {
    let message = "the server does not allow this method on the requested resource";
    let mut status = Status::failure(StatusReason::MethodNotAllowed, message);
    status.details = Some(StatusDetails::default());
    status
}

/// Replaces the finalizers in a namespace's specification; the last one gone, a deleted namespace goes too.
fn finalize(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = WriteOptions::parse(&call.query, "UpdateOptions")?;
    let (object, _) = decode_object(call, options.field_validation)?;
    let author = Author::of(server, call, &options, Some("finalize"));
    let update = Update { kind: &call.kind, key: call.key(), target: Target::Any, author, patches: false };
    let content = update_object(server, &update, &mut |old| {
        let mut new = old.clone();
        new["spec"]["finalizers"] = match &object["spec"]["finalizers"] {
            Value::Null => json!([]),
            finalizers => finalizers.clone(),
        };
        if let Some(version) = object["metadata"]["resourceVersion"].as_str() {
            new["metadata"]["resourceVersion"] = version.into();
        }
        Ok(new)
    })?;
    Ok(Reply::new(200, content))
}

/// Gives a pod its node, once.
fn bind(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = WriteOptions::parse(&call.query, "CreateOptions")?;
    let binding = decode_options(call, &GroupVersionKind::new("", "v1", "Binding"))?;
    let node = binding["target"]["name"].as_str().unwrap_or_default();
    if node.is_empty() {
        let mut status = Status::failure(StatusReason::Unknown, "target.name: Required value");
        status.code = 500;
        return Err(status);
    }
    let now = metadata::timestamp(server.environment());
    let author = Author::of(server, call, &options, Some("binding"));
    let update = Update { kind: &call.kind, key: call.key(), target: Target::Any, author, patches: false };
    update_object(server, &update, &mut |old| {
        let conflict = |why: &str| Err(Status::conflict("", "pods/binding", &call.name, why));
        if metadata::is_terminating(old) {
            return conflict(&format!("pod {} is being deleted, cannot be assigned to a host", call.name));
        }
        if let Some(present) = old["spec"]["nodeName"].as_str().filter(|name| !name.is_empty()) {
            return conflict(&format!("pod {} is already assigned to node {present:?}", call.name));
        }
        let mut new = old.clone();
        new["spec"]["nodeName"] = node.into();
        set_scheduled(&mut new, &now);
        Ok(new)
    })?;
    Ok(created())
}

fn set_scheduled(pod: &mut Value, now: &str) {
    let scheduled =
        json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    if !pod["status"].is_object() {
        pod["status"] = json!({});
    }
    match &mut pod["status"]["conditions"] {
        Value::Array(conditions) => {
            conditions.retain(|condition| condition["type"] != "PodScheduled");
            conditions.push(scheduled);
        }
        conditions => *conditions = json!([scheduled]),
    }
}

/// Deletes a pod. Disruption budgets are not looked at.
fn evict(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let eviction = decode_options(call, &GroupVersionKind::new("policy", "v1", "Eviction"))?;
    let mut options = DeleteOptions::parse(&call.query, &eviction["deleteOptions"])?;
    options.dry_run |= WriteOptions::parse(&call.query, "CreateOptions")?.dry_run;
    delete_object(server, &call.kind, &call.key(), &options)?;
    Ok(created())
}

fn created() -> Reply {
    let mut status = Status::success(StatusDetails::default());
    status.details = None;
    status.code = 201;
    Reply::new(201, Content::Status(Box::new(status)))
}
