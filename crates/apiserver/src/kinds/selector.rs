//! Label selectors inside objects: their validation and whether they select a template's labels.

use pilothouse_machinery::StatusCause;
use serde_json::Value;

use super::causes;
use super::field::{list, text};
use super::format;

/// What is wrong with a `metav1.LabelSelector` at `path`.
pub(super) fn validate(selector: &Value, path: &str) -> Vec<StatusCause> {
    let mut found =
        labels(selector.get("matchLabels").unwrap_or(&Value::Null), &format!("{path}.matchLabels"));
    for (index, requirement) in list(selector, "/matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let has_values = !list(requirement, "/values").is_empty();
        match text(requirement, "/operator") {
            "In" | "NotIn" if !has_values => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                found.push(causes::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                found.push(causes::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let field = format!("{path}.operator");
                found.push(causes::invalid(field, &other.into(), "not a valid selector operator"));
            }
        }
        for message in format::label_key(text(requirement, "/key")) {
            let key = requirement.get("key").unwrap_or(&Value::Null);
            found.push(causes::invalid(format!("{path}.key"), key, &message));
        }
    }
    found
}

/// What is wrong with a map of labels at `path`.
pub(crate) fn labels(labels: &Value, path: &str) -> Vec<StatusCause> {
    let mut found = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        for message in format::label_key(key) {
            found.push(causes::invalid(path, &key.as_str().into(), &message));
        }
        for message in format::label_value(value.as_str().unwrap_or("")) {
            found.push(causes::invalid(path, value, &message));
        }
    }
    found
}

/// Whether a `metav1.LabelSelector` selects an object with `labels`. An empty selector selects everything.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .all(|(key, value)| label(key).is_some() && label(key) == value.as_str());
    equal
        && list(selector, "/matchExpressions").iter().all(|requirement| {
            let present = label(text(requirement, "/key"));
            let among = present.is_some_and(|value| {
                list(requirement, "/values").iter().any(|wanted| wanted.as_str() == Some(value))
            });
            match text(requirement, "/operator") {
                "In" => among,
                "NotIn" => !among,
                "Exists" => present.is_some(),
                _ => present.is_none(),
            }
        })
}

/// As text, for a Table cell or a scale's `status.selector`: `a=b,c in (d,e)`; `<none>` when empty.
pub(crate) fn print(selector: &Value) -> String {
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
    let requirements = list(selector, "/matchExpressions").iter().map(|requirement| {
        let key = text(requirement, "/key");
        let values: Vec<_> = list(requirement, "/values").iter().filter_map(Value::as_str).collect();
        match text(requirement, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        }
    });
    let mut parts: Vec<_> = equal.chain(requirements).collect();
    parts.sort();
    if parts.is_empty() { "<none>".into() } else { parts.join(",") }
}
