//! Options of list and watch requests.

use std::time::Duration;

use pilothouse_machinery::{FieldSelector, LabelSelector, Status, StatusCause};

use super::Query;
use crate::kind::Kind;
use crate::store::StoredObject;

/// How a list's `resourceVersion` is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionMatch {
    /// The state at exactly that version.
    Exact,
    /// That version or any newer one.
    NotOlderThan,
}

/// What a list or watch asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    /// At most this many objects; 0 is without limit.
    pub(crate) limit: usize,
    pub(crate) continue_token: Option<String>,
    /// `None` when absent; 0 is any version.
    pub(crate) revision: Option<u64>,
    pub(crate) version_match: Option<VersionMatch>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) bookmarks: bool,
    pub(crate) send_initial_events: Option<bool>,
}

/// Reads a resource version of a request.
pub(crate) fn parse_revision(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        Status::bad_request(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

fn refused(field: &str, reason: &str, message: String) -> Status {
    let cause = StatusCause { reason: reason.into(), message, field: field.into() };
    Status::invalid("meta.k8s.io", "ListOptions", "", vec![cause])
}

fn forbidden(field: &str, why: &str) -> Status {
    refused(field, "FieldValueForbidden", format!("Forbidden: {why}"))
}

impl ListOptions {
    /// Reads the query of a list (or of a watch) of `kind`.
    pub(crate) fn parse(query: &Query, kind: &Kind, watch: bool) -> Result<Self, Status> {
        let selector =
            |error: pilothouse_machinery::selector::SelectorError| Status::bad_request(error.to_string());
        let labels =
            LabelSelector::parse(query.get("labelSelector").unwrap_or_default()).map_err(selector)?;
        let fields =
            FieldSelector::parse(query.get("fieldSelector").unwrap_or_default()).map_err(selector)?;
        check_fields(&fields, kind)?;
        let seconds = query.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        let options = Self {
            labels,
            fields,
            limit: query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0),
            continue_token: query.get("continue").map(str::to_owned),
            revision: query.get("resourceVersion").map(parse_revision).transpose()?,
            version_match: version_match(query)?,
            timeout: seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs),
            bookmarks: query.flag("allowWatchBookmarks"),
            send_initial_events: query.optional_flag("sendInitialEvents"),
        };
        let checked = if watch { options.check_watch() } else { options.check_list() };
        checked.map(|()| options)
    }

    fn check_list(&self) -> Result<(), Status> {
        if self.send_initial_events.is_some() {
            return Err(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        if self.continue_token.is_some() && self.revision.is_some_and(|revision| revision > 0) {
            let message = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(message));
        }
        let Some(version_match) = self.version_match else { return Ok(()) };
        let field = "resourceVersionMatch";
        if self.continue_token.is_some() {
            return Err(forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
        }
        match self.revision {
            None => {
                Err(forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
            }
            Some(0) if version_match == VersionMatch::Exact => {
                Err(forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_watch(&self) -> Result<(), Status> {
        match (self.send_initial_events, self.version_match) {
            (None, Some(_)) => Err(forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            )),
            (Some(_), None) => Err(forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            )),
            (Some(_), Some(VersionMatch::Exact)) => Err(refused(
                "resourceVersionMatch",
                "FieldValueNotSupported",
                "Unsupported value: \"Exact\": supported values: \"NotOlderThan\"".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Whether an object is selected.
    pub(crate) fn select(&self, object: &StoredObject) -> bool {
        self.labels.matches(|label| object.label(label)) && self.fields.matches(|field| object.field(field))
    }

    /// Whether there is any selector.
    pub(crate) fn selects_all(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }
}

fn version_match(query: &Query) -> Result<Option<VersionMatch>, Status> {
    match query.get("resourceVersionMatch") {
        None => Ok(None),
        Some("Exact") => Ok(Some(VersionMatch::Exact)),
        Some("NotOlderThan") => Ok(Some(VersionMatch::NotOlderThan)),
        Some(other) => Err(refused(
            "resourceVersionMatch",
            "FieldValueNotSupported",
            format!("Unsupported value: {other:?}: supported values: \"\", \"Exact\", \"NotOlderThan\""),
        )),
    }
}

fn check_fields(fields: &FieldSelector, kind: &Kind) -> Result<(), Status> {
    let known = kind.strategy.selectable_fields(&serde_json::Value::Null);
    for term in fields.terms() {
        let field = term.field.as_str();
        let common = field == "metadata.name" || field == "metadata.namespace";
        if common || known.iter().any(|(label, _)| label == field) {
            continue;
        }
        return Err(Status::bad_request(if known.is_empty() {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else {
            format!("field label not supported: {field}")
        }));
    }
    Ok(())
}
