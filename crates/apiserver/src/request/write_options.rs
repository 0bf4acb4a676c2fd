//! Options of requests that write.

use pilothouse_machinery::{Status, StatusCause};
use serde_json::Value;

use super::Query;

/// What happens with fields that the type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// They are dropped silently.
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// The request is refused.
    Strict,
}

/// Options of a create, an update or a patch.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) field_manager: Option<String>,
    pub(crate) field_validation: FieldValidation,
    pub(crate) force: Option<bool>,
}

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted after the object.
    Background,
    /// They are deleted before the object.
    Foreground,
    /// They stay.
    Orphan,
}

/// Options of a delete.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    /// In seconds.
    pub(crate) grace_period: Option<u64>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    /// Whether dependents were asked to go first in the old way.
    pub(crate) waits_for_dependents: bool,
}

fn refused(kind: &str, field: &str, reason: &str, message: String) -> Status {
    let cause = StatusCause { reason: reason.into(), message, field: field.into() };
    Status::invalid("meta.k8s.io", kind, "", vec![cause])
}

fn not_supported(kind: &str, field: &str, value: &str, supported: &str) -> Status {
    let message = format!("Unsupported value: {value:?}: supported values: {supported}");
    refused(kind, field, "FieldValueNotSupported", message)
}

fn check_dry_run<'value>(kind: &str, values: impl Iterator<Item = &'value str>) -> Result<bool, Status> {
    let mut dry_run = false;
    for value in values {
        if value != "All" {
            return Err(not_supported(kind, "dryRun", value, "\"All\""));
        }
        dry_run = true;
    }
    Ok(dry_run)
}

impl WriteOptions {
    /// Reads the query of a create, an update or a patch; `kind` names the options in errors.
    pub(crate) fn parse(query: &Query, kind: &str) -> Result<Self, Status> {
        let field_validation = match query.get("fieldValidation") {
            Some("Ignore") => FieldValidation::Ignore,
            None | Some("Warn") => FieldValidation::Warn,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let supported = "\"Ignore\", \"Strict\", \"Warn\"";
                return Err(not_supported(kind, "fieldValidation", other, supported));
            }
        };
        let field_manager = query.get("fieldManager").map(str::to_owned);
        if field_manager.as_ref().is_some_and(|manager| manager.len() > 128) {
            let message = "Too long: may not be more than 128 bytes".to_owned();
            return Err(refused(kind, "fieldManager", "FieldValueTooLong", message));
        }
        let dry_run = check_dry_run(kind, query.all("dryRun"))?;
        Ok(Self { dry_run, field_manager, field_validation, force: query.optional_flag("force") })
    }
}

impl DeleteOptions {
    /// Reads the query and the body of a delete; the body, a `DeleteOptions` object, wins.
    pub(crate) fn parse(query: &Query, body: &Value) -> Result<Self, Status> {
        let kind = "DeleteOptions";
        let listed = body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let grace_period = match &body["gracePeriodSeconds"] {
            Value::Null => query.number("gracePeriodSeconds")?,
            value => value.as_i64(),
        };
        if grace_period.is_some_and(|seconds| seconds < 0) && grace_period != Some(-1) {
            let message = format!("Invalid value: {}: must be greater than or equal to 0", {
                grace_period.unwrap_or_default()
            });
            return Err(refused(kind, "gracePeriodSeconds", "FieldValueInvalid", message));
        }
        let orphan = body["orphanDependents"].as_bool().or_else(|| query.optional_flag("orphanDependents"));
        let policy = body["propagationPolicy"].as_str().or_else(|| query.get("propagationPolicy"));
        if orphan.is_some() && policy.is_some() {
            let message = "Invalid value: \"\": orphanDependents and deletionPropagation cannot be both set";
            return Err(refused(kind, "propagationPolicy", "FieldValueInvalid", message.into()));
        }
        let propagation = match policy {
            None => orphan.and_then(|orphan| orphan.then_some(Propagation::Orphan)),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let supported = "\"Background\", \"Foreground\", \"Orphan\"";
                return Err(not_supported(kind, "propagationPolicy", other, supported));
            }
        };
        let precondition = |name: &str| body["preconditions"][name].as_str().map(str::to_owned);
        let dry_run = check_dry_run(kind, listed)? | check_dry_run(kind, query.all("dryRun"))?;
        Ok(Self {
            dry_run,
            grace_period: grace_period.and_then(|seconds| u64::try_from(seconds).ok()),
            propagation,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            waits_for_dependents: orphan == Some(false),
        })
    }
}
