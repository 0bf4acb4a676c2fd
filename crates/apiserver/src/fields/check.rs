//! Objects against their types: what is dropped, told, or refused.

use pilothouse_machinery::schema::{MessageType, Schema};
use pilothouse_machinery::{Status, StatusCause};
use serde_json::Value;

use crate::kind::Kind;
use crate::request::FieldValidation;

/// What was wrong with the fields of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Complaints that only strict requests are refused for: `unknown field "spec.foo"`.
    pub(crate) strict: Vec<String>,
    /// Why the object is not one of its type at all.
    pub(crate) wrong: Option<String>,
}

/// The type of a built-in kind's objects.
pub(crate) fn message_of(kind: &Kind) -> Option<&'static MessageType> {
    if kind.custom { None } else { Schema::builtin().kind(&kind.resource.group_version_kind()) }
}

/// Makes `object` what a real server's types would make of it: unknown fields and empty ones go. What was wrong is
/// told; for custom resources their own strategy says what is unknown.
pub(crate) fn tidy(kind: &Kind, object: &mut Value) -> Findings {
    if let Some(message) = message_of(kind) {
        return super::shape::tidy(object, message, &kind.resource.kind);
    }
    let unknown = kind.strategy.unknown_fields(object);
    let mut findings = Schema::builtin()
        .message("meta/v1.ObjectMeta")
        .map(|message| super::shape::tidy_metadata(object, message))
        .unwrap_or_default();
    findings.strict.extend(unknown.into_iter().map(|path| format!("unknown field {path:?}")));
    findings
}

/// Tidies the body of a create or an update; answers warnings, or refuses it.
pub(crate) fn check_body(
    kind: &Kind,
    object: &mut Value,
    duplicates: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Status> {
    let mut findings = tidy(kind, object);
    findings.strict.extend(duplicates);
    let resource = &kind.resource;
    let refuse = |why: &str| {
        Status::bad_request(format!(
            "{0} in version {1:?} cannot be handled as a {0}: {why}",
            resource.kind, resource.version
        ))
    };
    if let Some(why) = findings.wrong {
        return Err(refuse(&why));
    }
    judge(findings.strict, validation).map_err(|why| refuse(&why))
}

/// Tidies the outcome of a patch; answers warnings, or refuses it.
pub(crate) fn check_patched(
    kind: &Kind,
    object: &mut Value,
    validation: FieldValidation,
) -> Result<Vec<String>, Status> {
    let text = object.to_string();
    let findings = tidy(kind, object);
    let refuse = |why: &str| {
        let cause = StatusCause {
            reason: "FieldValueInvalid".into(),
            message: format!("Invalid value: {text:?}: {why}"),
            field: "patch".into(),
        };
        Status::invalid("", "", "", vec![cause])
    };
    if let Some(why) = findings.wrong {
        return Err(refuse(&why));
    }
    judge(findings.strict, validation).map_err(|why| refuse(&why))
}

fn judge(strict: Vec<String>, validation: FieldValidation) -> Result<Vec<String>, String> {
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !strict.is_empty() => {
            Err(format!("strict decoding error: {}", strict.join(", ")))
        }
        FieldValidation::Warn | FieldValidation::Strict => Ok(strict),
    }
}
