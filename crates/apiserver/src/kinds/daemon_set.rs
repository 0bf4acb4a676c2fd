//! Daemon sets, and the revisions that they and stateful sets keep.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::container::one_of;
use super::deployment::validate_selector_and_template;
use super::field::{map_at, map_under, set_default, set_default_text};
use super::{causes, pod_template};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct DaemonSetStrategy;

pub(super) struct ControllerRevisionStrategy;

impl Strategy for DaemonSetStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default(spec, "revisionHistoryLimit", 10);
            if let Some(strategy) = map_at(spec, "updateStrategy") {
                set_default_text(strategy, "type", "RollingUpdate");
                if strategy["type"] == "RollingUpdate"
                    && let Some(rolling) = map_at(strategy, "rollingUpdate")
                {
                    set_default(rolling, "maxUnavailable", 1);
                    set_default(rolling, "maxSurge", 0);
                }
            }
        }
        pod_template::default_template(object, &["spec", "template"]);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(map) = object.as_object_mut() {
            let status = json!({
                "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0
            });
            map.insert("status".into(), status);
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        for key in ["minReadySeconds", "revisionHistoryLimit"] {
            causes::not_negative(&mut found, "spec", spec, key);
        }
        let strategy = spec.get("updateStrategy").unwrap_or(&Value::Null);
        one_of(strategy, "spec.updateStrategy", "type", &["OnDelete", "RollingUpdate"], &mut found);
        found.extend(validate_selector_and_template(spec));
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        let pointer = "/spec/selector";
        causes::immutable(&mut found, "spec.selector", new.pointer(pointer), old.pointer(pointer));
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::workload::daemon_set(object, now)
    }
}

impl Strategy for ControllerRevisionStrategy {
    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let revision = object.get("revision").and_then(Value::as_i64).filter(|revision| *revision < 0);
        let detail = "must be greater than or equal to 0";
        revision.into_iter().map(|revision| causes::invalid("revision", &revision.into(), detail)).collect()
    }

    /// A revision keeps what it once was.
    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        causes::immutable(&mut found, "data", new.get("data"), old.get("data"));
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::workload::controller_revision(object, now)
    }
}
