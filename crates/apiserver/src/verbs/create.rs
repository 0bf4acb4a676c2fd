//! Create.

use pilothouse_machinery::{ObjectKey, Status, StatusCause, StatusReason};
use serde_json::Value;

use super::depth::check_depth;
use super::names::generate_name;
use super::reply::{Content, Reply};
use super::update::{Author, Target};
use super::{admission, managed, metadata};
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds;
use crate::request::{Call, WriteOptions, decode_object};

/// How often a generated name that exists is replaced by another one.
const ATTEMPTS: u32 = 8;

/// POST to a collection.
pub(crate) fn create(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = WriteOptions::parse(&call.query, "CreateOptions")?;
    let (object, warnings) = decode_object(call, options.field_validation)?;
    let author = Author::of(server, call, &options, None);
    let content = create_object(server, &call.kind, call.namespace.as_deref(), object, &author)?;
    Ok(Reply::new(201, content).with_warnings(warnings))
}

/// Creates `object` in `namespace`.
pub(crate) fn create_object(
    server: &ApiServer,
    kind: &Kind,
    namespace: Option<&str>,
    mut object: Value,
    author: &Author,
) -> Result<Content, Status> {
    if kind.create_only {
        return review(server, kind, namespace, object, author);
    }
    check_definition(server, kind)?;
    set_namespace(kind, &mut object, namespace)?;
    if !metadata::text(&object, "resourceVersion").is_empty() {
        let mut status = Status::failure(
            StatusReason::Unknown,
            "resourceVersion should not be set on objects to be created",
        );
        status.code = 500;
        return Err(status);
    }
    let base = metadata::text(&object, "generateName").to_owned();
    let generated = metadata::text(&object, "name").is_empty() && !base.is_empty();
    admission::check_namespace(server, kind, namespace, metadata::text(&object, "name"))?;
    metadata::fill_new(kind, &mut object, server.environment());
    let mut attempts = if generated { ATTEMPTS } else { 1 };
    loop {
        let mut attempt = object.clone();
        if generated {
            attempt["metadata"]["name"] = generate_name(&base, server.environment()).into();
        }
        attempts -= 1;
        match create_once(server, kind, attempt, author) {
            Err(status) if status.reason == StatusReason::AlreadyExists && attempts > 0 => {}
            Err(mut status) if status.reason == StatusReason::AlreadyExists && generated => {
                status.details.get_or_insert_default().retry_after_seconds = Some(1);
                return Err(status);
            }
            other => return other,
        }
    }
}

fn create_once(
    server: &ApiServer,
    kind: &Kind,
    mut object: Value,
    author: &Author,
) -> Result<Content, Status> {
    let resource = &kind.resource;
    if kind.status_subresource
        && let Some(members) = object.as_object_mut()
    {
        members.remove("status");
    }
    kinds::complete(kind, &mut object);
    kind.strategy.default(&mut object);
    kind.strategy.prepare_create(&mut object, server);
    kind.strategy.name_author(&mut object, &author.user);
    kind.strategy.authorize(server, kind, &author.user, &object, None)?;
    let mut causes = Vec::new();
    let name = metadata::text(&object, "name").to_owned();
    if name.is_empty() {
        let message = "Required value: name or generateName is required".into();
        causes.push(StatusCause {
            reason: "FieldValueRequired".into(),
            message,
            field: "metadata.name".into(),
        });
    } else {
        causes.extend(metadata::validate(kind, &object));
    }
    causes.extend(kind.strategy.validate(&object));
    if !causes.is_empty() {
        return Err(Status::invalid(&resource.group, &resource.kind, &name, causes));
    }
    managed::track(kind, &mut object, None, author, Target::Object);
    check_depth(&object)?;
    let key = ObjectKey::new(metadata::text(&object, "namespace"), name.as_str());
    if let Some(known) = server.store().get(kind, &key) {
        let mut status = Status::already_exists(&resource.group, &resource.plural, &name);
        if metadata::is_terminating(&known.value(kind)) {
            status.message = format!("object is being deleted: {}", status.message);
        }
        return Err(status);
    }
    if author.dry_run {
        return Ok(Content::Value(object));
    }
    let stored = server
        .store()
        .put(kind, &key, None, &mut object)
        .map_err(|_| Status::already_exists(&resource.group, &resource.plural, &name))?;
    kind.strategy.committed(server, None, Some(&object));
    Ok(Content::Stored(stored))
}

/// Refuses new objects of a type whose definition is being deleted.
fn check_definition(server: &ApiServer, kind: &Kind) -> Result<(), Status> {
    let resource = &kind.resource;
    let served = server.registry().get(&resource.group, &resource.version, &resource.plural);
    if !served.is_some_and(|kind| kind.terminating) {
        return Ok(());
    }
    let message = "create not allowed while custom resource definition is terminating";
    Err(Status { message: message.into(), ..super::method_not_allowed() })
}

/// Answers an object that is not kept: it needs no name and gets no uid.
fn review(
    server: &ApiServer,
    kind: &Kind,
    namespace: Option<&str>,
    mut object: Value,
    author: &Author,
) -> Result<Content, Status> {
    managed::track(kind, &mut object, None, author, Target::Object);
    kind.strategy.review(server, author, namespace, &mut object)?;
    Ok(Content::Value(object))
}

fn set_namespace(kind: &Kind, object: &mut Value, namespace: Option<&str>) -> Result<(), Status> {
    let given = metadata::text(object, "namespace");
    if !kind.resource.is_namespaced() {
        metadata::metadata_mut(object).remove("namespace");
        return Ok(());
    }
    let Some(namespace) = namespace else {
        return Err(Status::bad_request("namespace is required for a namespaced resource"));
    };
    if !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    metadata::metadata_mut(object).insert("namespace".into(), namespace.into());
    Ok(())
}
