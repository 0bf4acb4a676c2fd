//! Events.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::Value;

use super::causes;
use super::field::{selectable, text};
use crate::kind::Strategy;
use crate::table;

pub(super) struct EventStrategy;

impl Strategy for EventStrategy {
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
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(
            object,
            &[
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
            ],
        );
        let source = text(object, "/source/component");
        let source = if source.is_empty() { text(object, "/reportingComponent") } else { source };
        fields.push(("source".into(), source.into()));
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::event::cells(object, now)
    }
}
