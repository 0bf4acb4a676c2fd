//! Patch.

use pilothouse_machinery::{Status, StatusDetails, StatusReason, patch as engine};
use serde_json::Value;

use super::apply;
use super::reply::Reply;
use super::update::{Author, Target, Update, update_object};
use crate::ApiServer;
use crate::fields::{check_patched, message_of};
use crate::kind::Kind;
use crate::request::{Call, WriteOptions};

/// The kinds of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Merge,
    Strategic,
}

/// PATCH of an object or of its status.
pub(crate) fn patch(server: &ApiServer, call: &Call, target: Target) -> Result<Reply, Status> {
    let kind = &*call.kind;
    if call.content_type() == apply::MEDIA_TYPE {
        return apply::apply(server, call, target);
    }
    let format = format_of(call)?;
    let options = WriteOptions::parse(&call.query, "PatchOptions")?;
    check_force(&options)?;
    let document = read(call, format)?;
    let author = Author::of(server, call, &options, target.subresource());
    let mut warnings = Vec::new();
    let update = Update { kind, key: call.key(), target, author, patches: true };
    let content = update_object(server, &update, &mut |old| {
        let mut new = patched(kind, format, old, &document)?;
        check_shape(kind, &new)?;
        warnings = check_patched(kind, &mut new, options.field_validation)?;
        Ok(new)
    })?;
    Ok(Reply::new(200, content).with_warnings(warnings))
}

fn format_of(call: &Call) -> Result<Format, Status> {
    match call.content_type() {
        "application/json-patch+json" => Ok(Format::Json),
        "application/merge-patch+json" => Ok(Format::Merge),
        "application/strategic-merge-patch+json" if message_of(&call.kind).is_some() => Ok(Format::Strategic),
        _ if call.kind.custom => {
            let message = "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            Err(Status::failure(StatusReason::UnsupportedMediaType, message))
        }
        _ => {
            let mut status =
                Status::failure(StatusReason::UnsupportedMediaType, "415: Unsupported Media Type");
            status.details = Some(StatusDetails::default());
            Err(status)
        }
    }
}

fn check_force(options: &WriteOptions) -> Result<(), Status> {
    if options.force.is_none() {
        return Ok(());
    }
    let cause = super::metadata::cause(
        "FieldValueForbidden",
        "force",
        "Forbidden: may not be specified for non-apply patch".into(),
    );
    Err(Status::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]))
}

fn read(call: &Call, format: Format) -> Result<Value, Status> {
    let document: Value = serde_json::from_slice(&call.body)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if format != Format::Json && !document.is_object() {
        return Err(Status::bad_request("error decoding patch: a merge patch must be an object"));
    }
    Ok(document)
}

fn patched(kind: &Kind, format: Format, old: &Value, document: &Value) -> Result<Value, Status> {
    let mut new = old.clone();
    match (format, message_of(kind)) {
        (Format::Json, _) => engine::json_patch(&mut new, document),
        (Format::Strategic, Some(message)) => engine::strategic_merge(&mut new, document, message),
        (Format::Merge | Format::Strategic, _) => engine::merge_patch(&mut new, document),
    }
    .map_err(|error| error.status())?;
    Ok(new)
}

/// A patched object is still an object of its kind.
fn check_shape(kind: &Kind, object: &Value) -> Result<(), Status> {
    let resource = &kind.resource;
    let same = object["kind"] == *resource.kind && object["apiVersion"] == resource.api_version();
    if same && object["metadata"].is_object() {
        return Ok(());
    }
    let cause = super::metadata::cause(
        "FieldValueInvalid",
        "patch",
        format!("Invalid value: {:?}: the patch must leave kind, apiVersion and metadata in place", {
            object["kind"].as_str().unwrap_or_default()
        }),
    );
    Err(Status::invalid("", "", "", vec![cause]))
}
