//! Reading the body of a request.

use pilothouse_machinery::{GroupVersionKind, Status, StatusCause, StatusReason, protobuf, resource};
use serde_json::Value;

use super::{Call, FieldValidation};
use crate::fields::{check_body, parse_json};
use crate::kind::Kind;

const UNKNOWN_FORMAT: &str = "the body of the request was in an unknown format - accepted media types include: \
     application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// Reads the object in the body, of the kind that the path names, and checks its fields; answers it with warnings.
/// Fills in `kind` and `apiVersion` where a built-in type may leave them out.
pub(crate) fn decode_object(
    call: &Call,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let kind = &call.kind;
    let expected = kind.resource.group_version_kind();
    let (mut object, duplicates) = read(call, &expected)?;
    check_kind(&object, kind, &expected)?;
    object["kind"] = Value::from(&*expected.kind);
    object["apiVersion"] = Value::from(expected.api_version());
    if object["metadata"].is_null() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    if !object["metadata"].is_object() {
        return Err(Status::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: metadata must be an object",
            expected.kind, expected.version, expected.kind
        )));
    }
    let warnings = check_body(kind, &mut object, duplicates, validation)?;
    Ok((object, warnings))
}

/// Reads a body that is not of the path's kind (`DeleteOptions`, `Binding`, `Scale`); an empty body is empty.
pub(crate) fn decode_options(call: &Call, kind: &GroupVersionKind) -> Result<Value, Status> {
    if call.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    read(call, kind).map(|(value, _)| value)
}

/// The document in the body, and its duplicate fields.
fn read(call: &Call, expected: &GroupVersionKind) -> Result<(Value, Vec<String>), Status> {
    let (value, duplicates) = match call.content_type() {
        "" | "application/json" => parse_json(&call.body).map_err(|error| {
            let text = String::from_utf8_lossy(&call.body);
            let text = if text.is_empty() { "<empty>" } else { &text };
            unrecognized(expected, &format!("json parse error: {error} ({text})"))
        })?,
        "application/yaml" => {
            let value = parse_yaml(&call.body)
                .map_err(|why| unrecognized(expected, &format!("yaml parse error: {why}")))?;
            (value, Vec::new())
        }
        protobuf::MEDIA_TYPE => {
            let (_, value) = protobuf::decode(&call.body)
                .map_err(|error| unrecognized(expected, &format!("protobuf error: {}", chain(&error))))?;
            (value, Vec::new())
        }
        _ => return Err(Status::failure(StatusReason::UnsupportedMediaType, UNKNOWN_FORMAT)),
    };
    if let Value::Object(_) = value {
        return Ok((value, duplicates));
    }
    Err(unrecognized(expected, "json parse error: the body is not an object"))
}

/// Reads YAML, of which JSON is a part. Only `true` and `false` are truth values.
pub(crate) fn parse_yaml(body: &[u8]) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    // The lines after the first show the place in the text.
    let why = |error: serde_saphyr::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    serde_saphyr::from_slice_with_options(body, options).map_err(why)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn unrecognized(expected: &GroupVersionKind, why: &str) -> Status {
    let kind = &expected.kind;
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; {why}"
    ))
}

fn check_kind(object: &Value, kind: &Kind, expected: &GroupVersionKind) -> Result<(), Status> {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    let (given_kind, given_api_version) = (text("kind"), text("apiVersion"));
    if kind.custom && given_kind.is_empty() {
        return Err(Status::bad_request(format!("Object 'Kind' is missing in '{object}'")));
    }
    if kind.custom && given_api_version.is_empty() {
        return Err(Status::bad_request(format!("Object 'apiVersion' is missing in '{object}'")));
    }
    let kind_differs = !given_kind.is_empty() && given_kind != expected.kind;
    let version_differs = !given_api_version.is_empty() && given_api_version != expected.api_version();
    if !kind_differs && !version_differs {
        return Ok(());
    }
    if kind.custom && kind_differs && !version_differs {
        let message = format!("Invalid value: {given_kind:?}: must be {}", expected.kind);
        let field = "kind".into();
        let cause = StatusCause { reason: "FieldValueInvalid".into(), message, field };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Status::invalid(&expected.group, given_kind, name, vec![cause]));
    }
    let (group, version) = resource::split_api_version(given_api_version);
    let version = if version.is_empty() { &expected.version } else { version };
    if kind_differs && kind.custom {
        let cause = StatusCause {
            reason: "FieldValueInvalid".into(),
            message: format!("Invalid value: {given_kind:?}: must be {}", expected.kind),
            field: "kind".into(),
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Status::invalid(&expected.group, given_kind, name, vec![cause]));
    }
    if kind_differs {
        let package = group.split('.').next().filter(|package| !package.is_empty()).unwrap_or("core");
        return Err(Status::bad_request(format!(
            "{given_kind} in version {version:?} cannot be handled as a {0}: converting ({version}.{given_kind}) \
             to ({package}.{0}): unknown conversion",
            expected.kind
        )));
    }
    if kind.custom {
        return Err(Status::bad_request(format!(
            "the API version in the data ({given_api_version}) does not match the expected API version ({})",
            expected.api_version()
        )));
    }
    Err(Status::bad_request(format!(
        "{0} in version {version:?} cannot be handled as a {0}: no kind {0:?} is registered for version \
         {given_api_version:?} in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"",
        expected.kind
    )))
}
