//! Disruption budgets, quotas, limits, priorities and runtime classes. None of them restricts anything here, but for
//! what a simulated cluster looks at.

use jiff::Timestamp;
use pilothouse_machinery::{Scope, StatusCause};
use serde_json::{Map, Value, json};

use super::super::causes;
use super::super::field::{is_empty, number, set_default_text, text};
use super::rules::{Rules, each, with};
use crate::kind::Kind;
use crate::table::{AGE, NAME, age_of, name_of};

/// The highest priority that is not the system's own.
const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["pdb".into()],
            status_subresource: true,
            has_generation: true,
            ..BUDGET.kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", Scope::Namespaced)
        },
        Kind {
            short_names: vec!["quota".into()],
            status_subresource: true,
            returns_object_on_delete: true,
            ..QUOTA.kind("", "v1", "resourcequotas", "ResourceQuota", Scope::Namespaced)
        },
        Kind {
            short_names: vec!["limits".into()],
            allow_create_on_update: true,
            ..LIMIT_RANGE.kind("", "v1", "limitranges", "LimitRange", Scope::Namespaced)
        },
        Kind {
            short_names: vec!["pc".into()],
            has_generation: true,
            ..PRIORITY.kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", Scope::Cluster)
        },
        Kind {
            allow_create_on_update: true,
            ..RUNTIME.kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", Scope::Cluster)
        },
    ]
}

const BUDGET: Rules = Rules {
    validate: |object, found| {
        if !is_empty(object, "/spec/minAvailable") && !is_empty(object, "/spec/maxUnavailable") {
            let detail = "minAvailable and maxUnavailable cannot be both set";
            found.push(causes::invalid("spec", &object["spec"], detail));
        }
    },
    columns: &[
        NAME,
        ("Min Available", "string", "", 0, "Pods that must stay."),
        ("Max Unavailable", "string", "", 0, "Pods that may be missing."),
        ("Allowed Disruptions", "integer", "", 0, "Pods that may be evicted now."),
        AGE,
    ],
    cells: |object, now| {
        let bound = |pointer: &str| match object.pointer(pointer) {
            None | Some(Value::Null) => "N/A".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(number) => number.to_string(),
        };
        vec![
            name_of(object),
            bound("/spec/minAvailable").into(),
            bound("/spec/maxUnavailable").into(),
            number(object, "/status/disruptionsAllowed").unwrap_or(0).into(),
            age_of(object, now),
        ]
    },
    ..Rules::PLAIN
};

const QUOTA: Rules = Rules {
    columns: &[
        NAME,
        ("Request", "string", "", 0, "Used and allowed, for all but limits."),
        ("Limit", "string", "", 0, "Used and allowed, for limits."),
        AGE,
    ],
    cells: quota_cells,
    ..Rules::PLAIN
};

const LIMIT_RANGE: Rules = Rules {
    default: |object| {
        each(object, "/spec/limits", |item| {
            if item.get("type").and_then(Value::as_str) == Some("Container") {
                fill(item, "default", "max");
                fill(item, "defaultRequest", "default");
                fill(item, "defaultRequest", "min");
            }
        });
    },
    columns: &[NAME, ("Created At", "date", "", 0, "When it was created.")],
    cells: |object, _| vec![name_of(object), text(object, "/metadata/creationTimestamp").into()],
    ..Rules::PLAIN
};

const PRIORITY: Rules = Rules {
    default: |object| {
        with(object, &[], |class| set_default_text(class, "preemptionPolicy", "PreemptLowerPriority"));
    },
    validate: validate_priority,
    validate_change: |new, old, found| {
        for (member, detail) in [
            ("value", "may not be changed in an update."),
            ("preemptionPolicy", "may not be changed in an update."),
        ] {
            if new.get(member) != old.get(member) {
                found.push(causes::forbidden(member, detail));
            }
        }
    },
    columns: &[
        NAME,
        ("Value", "integer", "", 0, "The priority of pods of the class."),
        ("Global-Default", "boolean", "", 0, "Whether pods without a class get it."),
        AGE,
        ("PreemptionPolicy", "string", "", 0, "Whether its pods may push out others."),
    ],
    cells: |object, now| {
        vec![
            name_of(object),
            number(object, "/value").unwrap_or(0).into(),
            (object.get("globalDefault") == Some(&Value::Bool(true))).into(),
            age_of(object, now),
            text(object, "/preemptionPolicy").into(),
        ]
    },
    ..Rules::PLAIN
};

const RUNTIME: Rules = Rules {
    validate: |object, found| {
        if text(object, "/handler").is_empty() {
            found.push(causes::required("handler", ""));
        }
    },
    immutable: &["handler"],
    columns: &[NAME, ("Handler", "string", "", 0, "The runtime on the node."), AGE],
    cells: |object, now| vec![name_of(object), text(object, "/handler").into(), age_of(object, now)],
    ..Rules::PLAIN
};

/// Copies what `from` has and `to` lacks.
fn fill(item: &mut Map<String, Value>, to: &str, from: &str) {
    let Some(Value::Object(from)) = item.get(from).cloned() else { return };
    let target = item.entry(to).or_insert_with(|| json!({}));
    if let Some(target) = target.as_object_mut() {
        for (name, value) in from {
            target.entry(name).or_insert(value);
        }
    }
}

fn validate_priority(object: &Value, found: &mut Vec<StatusCause>) {
    let name = text(object, "/metadata/name");
    let value = number(object, "/value").unwrap_or(0);
    let own = [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
    if own.contains(&(name, value)) {
        return;
    }
    if name.starts_with("system-") {
        let detail = "priority class names with 'system-' prefix are reserved for system use only";
        found.push(causes::forbidden("metadata.name", detail));
    }
    if value > HIGHEST_USER_PRIORITY {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
        found.push(causes::forbidden("value", &detail));
    }
}

fn quota_cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let amount = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let hard = object.pointer("/spec/hard").and_then(Value::as_object);
    let mut parts = [Vec::new(), Vec::new()];
    for (name, allowed) in hard.into_iter().flatten() {
        let used = object.pointer("/status/used").and_then(|used| used.get(name));
        let used = used.map_or_else(|| "0".to_owned(), amount);
        let part = format!("{name}: {used}/{}", amount(allowed));
        parts[usize::from(name.starts_with("limits"))].push(part);
    }
    let [request, limit] = parts.map(|part| Value::from(part.join(", ")));
    vec![name_of(object), request, limit, age_of(object, now)]
}
