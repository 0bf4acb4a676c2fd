//! Server-side apply: PATCH with a configuration of what the manager wants.

use pilothouse_machinery::{Status, StatusCause, StatusReason};
use serde_json::Value;

use super::reply::Reply;
use super::update::{Author, Target, Update, update_object};
use super::{create_object, managed, metadata};
use crate::ApiServer;
use crate::access::authorize_creation;
use crate::fields::check_patched;
use crate::request::{Call, WriteOptions, parse_yaml};

/// The media type of a configuration.
pub(super) const MEDIA_TYPE: &str = "application/apply-patch+yaml";

/// Applies the configuration in the body; creates the object if there is none.
pub(super) fn apply(server: &ApiServer, call: &Call, target: Target) -> Result<Reply, Status> {
    let options = WriteOptions::parse(&call.query, "PatchOptions")?;
    let author = Author { applies: true, ..Author::of(server, call, &options, target.subresource()) };
    if options.field_manager.is_none() {
        let cause = StatusCause {
            reason: "FieldValueRequired".into(),
            message: "Required value: is required for apply patch".into(),
            field: "fieldManager".into(),
        };
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    let configuration = read(call)?;
    loop {
        let creates = target == Target::Object && server.store().get(&call.kind, &call.key()).is_none();
        let reply = if creates {
            create(server, call, configuration.clone(), &options, &author)
        } else {
            change(server, call, &configuration, &options, &author, target)
        };
        // Somebody else created or deleted the object in between: it is the other case now. What is not found may be
        // something else as well, as the role of a binding.
        match reply {
            Err(status) if creates && status.reason == StatusReason::AlreadyExists => {}
            Err(status)
                if target == Target::Object
                    && !creates
                    && status.reason == StatusReason::NotFound
                    && server.store().get(&call.kind, &call.key()).is_none() => {}
            reply => return reply,
        }
    }
}

fn create(
    server: &ApiServer,
    call: &Call,
    mut configuration: Value,
    options: &WriteOptions,
    author: &Author,
) -> Result<Reply, Status> {
    let (kind, force) = (&*call.kind, options.force.unwrap_or(false));
    authorize_creation(server, call)?;
    metadata::metadata_mut(&mut configuration).remove("resourceVersion");
    let mut object = managed::apply(kind, None, &configuration, force, author, Target::Object)?;
    let warnings = check_patched(kind, &mut object, options.field_validation)?;
    let content = create_object(server, kind, call.namespace.as_deref(), object, author)?;
    Ok(Reply::new(201, content).with_warnings(warnings))
}

fn change(
    server: &ApiServer,
    call: &Call,
    configuration: &Value,
    options: &WriteOptions,
    author: &Author,
    target: Target,
) -> Result<Reply, Status> {
    let (kind, force) = (&*call.kind, options.force.unwrap_or(false));
    let mut warnings = Vec::new();
    let update = Update { kind, key: call.key(), target, author: author.clone(), patches: true };
    let content = update_object(server, &update, &mut |old| {
        let mut new = managed::apply(kind, Some(old), configuration, force, author, target)?;
        warnings = check_patched(kind, &mut new, options.field_validation)?;
        Ok(new)
    })?;
    Ok(Reply::new(200, content).with_warnings(warnings))
}

fn read(call: &Call) -> Result<Value, Status> {
    let mut configuration =
        parse_yaml(&call.body).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")))?;
    if !configuration.is_object() {
        return Err(Status::bad_request("error decoding YAML: the configuration is not an object"));
    }
    let expected = call.kind.resource.api_version();
    let given = configuration["apiVersion"].as_str().unwrap_or_default();
    if given != expected {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {expected}"
        )));
    }
    if configuration["kind"].as_str() != Some(&call.kind.resource.kind) {
        return Err(Status::bad_request(format!(
            "the kind of the configuration ({}) does not match the kind of the resource ({})",
            configuration["kind"].as_str().unwrap_or_default(),
            call.kind.resource.kind
        )));
    }
    let members = metadata::metadata_mut(&mut configuration);
    if members.get("managedFields").is_some_and(|managed| !managed.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    members.entry("name").or_insert_with(|| call.name.as_str().into());
    super::update::check_name(call, &mut configuration)?;
    Ok(configuration)
}
