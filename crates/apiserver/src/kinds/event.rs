//! Events, in their two groups: the core group's and `events.k8s.io`, which show the same objects under other names.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::Value;

use super::causes;
use super::field::{is_empty, selectable, text};
use crate::kind::Strategy;
use crate::table;

/// `v1` events.
pub(super) struct EventStrategy;

/// `events.k8s.io/v1` events.
pub(super) struct EventView;

/// What the core group calls a member, and what `events.k8s.io` does.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// The longest text of each member, in bytes (`ValidateEventCreate` of kube-apiserver).
const LONGEST: usize = 128;
const LONGEST_MESSAGE: usize = 1024;

const FIELDS: [&str; 10] = [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
];

fn rename(object: &mut Value, names: impl Iterator<Item = (&'static str, &'static str)>) {
    let Some(members) = object.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(value) = members.remove(from) {
            members.insert(to.to_owned(), value);
        }
    }
}

fn as_core(object: &Value) -> Value {
    let mut core = object.clone();
    rename(&mut core, NAMES.into_iter().map(|(core, new)| (new, core)));
    core
}

impl Strategy for EventStrategy {
    fn convert(&self, object: &mut Value) {
        *object = as_core(object);
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        let involved = text(object, "/involvedObject/namespace");
        let own = text(object, "/metadata/namespace");
        let of_cluster = involved.is_empty() && matches!(own, "default" | "kube-system");
        // An object without a namespace is reported in `default`.
        if involved != own && !of_cluster {
            let detail = "does not match event.namespace";
            found.push(causes::invalid("involvedObject.namespace", &involved.into(), detail));
        }
        if !is_empty(object, "/eventTime") {
            validate_new_fields(object, &mut found);
        }
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(object, &FIELDS);
        let source = text(object, "/source/component");
        let source = if source.is_empty() { text(object, "/reportingComponent") } else { source };
        fields.push(("source".into(), source.into()));
        // The same under the names of the other group: one object is found in both.
        let renamed = fields.iter().filter_map(|(field, value)| {
            let field = match field.strip_prefix("involvedObject.") {
                Some(rest) => format!("regarding.{rest}"),
                None if field == "reportingComponent" => "reportingController".into(),
                None => return None,
            };
            Some((field, value.clone()))
        });
        let renamed: Vec<_> = renamed.collect();
        fields.extend(renamed);
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::event::cells(object, now)
    }
}

impl Strategy for EventView {
    fn convert(&self, object: &mut Value) {
        rename(object, NAMES.into_iter());
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let core = as_core(object);
        let mut found = EventStrategy.validate(&core);
        if is_empty(&core, "/eventTime") {
            found.push(causes::required("eventTime", ""));
            validate_new_fields(&core, &mut found);
        }
        let kind = text(&core, "/type");
        if !matches!(kind, "Normal" | "Warning") {
            found.push(causes::invalid("type", &"".into(), &format!("has invalid value: {kind}")));
        }
        found
    }

    /// An event that was written by the core group's rules may be changed by the same.
    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        if is_empty(old, "/eventTime") {
            return EventStrategy.validate(&as_core(new));
        }
        self.validate(new)
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        EventStrategy.selectable_fields(&as_core(object))
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::event::cells(&as_core(object), now)
    }
}

/// What an event with `eventTime` must say: who saw what, and did what about it.
fn validate_new_fields(core: &Value, found: &mut Vec<StatusCause>) {
    let members = [
        ("reportingComponent", "reportingController"),
        ("reportingInstance", "reportingInstance"),
        ("action", "action"),
        ("reason", "reason"),
    ];
    for (member, field) in members {
        let given = text(core, &format!("/{member}"));
        if given.is_empty() {
            found.push(causes::required(field, ""));
        } else if given.len() > LONGEST {
            let detail = format!("can have at most {LONGEST} characters");
            found.push(causes::invalid(field, &"".into(), &detail));
        }
    }
    if text(core, "/message").len() > LONGEST_MESSAGE {
        let detail = format!("can have at most {LONGEST_MESSAGE} characters");
        found.push(causes::invalid("message", &"".into(), &detail));
    }
}
