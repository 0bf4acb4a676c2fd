//! Deployments and replica sets.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::container::one_of;
use super::field::{is_empty, map_at, map_under, selectable, set_default, set_default_text, text};
use super::{causes, pod_template, selector};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct DeploymentStrategy;

pub(super) struct ReplicaSetStrategy;

impl Strategy for DeploymentStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default(spec, "replicas", 1);
            set_default(spec, "revisionHistoryLimit", 10);
            set_default(spec, "progressDeadlineSeconds", 600);
            if let Some(strategy) = map_at(spec, "strategy") {
                set_default_text(strategy, "type", "RollingUpdate");
                if strategy["type"] == "RollingUpdate"
                    && let Some(rolling) = map_at(strategy, "rollingUpdate")
                {
                    set_default(rolling, "maxUnavailable", "25%");
                    set_default(rolling, "maxSurge", "25%");
                }
            }
        }
        pod_template::default_template(object, &["spec", "template"]);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({}));
        }
    }

    /// A status write of a deployment leaves its labels alone, unlike that of other types.
    fn prepare_status_update(&self, new: &mut Value, old: &Value) {
        let Some(metadata) = map_under(new, &["metadata"]) else { return };
        match old.pointer("/metadata/labels") {
            Some(labels) => metadata.insert("labels".into(), labels.clone()),
            None => metadata.remove("labels"),
        };
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        causes::not_negative(&mut found, "spec", spec, "replicas");
        found.extend(validate_selector_and_template(spec));
        let strategy = spec.get("strategy").unwrap_or(&Value::Null);
        one_of(strategy, "spec.strategy", "type", &["Recreate", "RollingUpdate"], &mut found);
        if text(strategy, "/type") == "Recreate" && !is_empty(strategy, "/rollingUpdate") {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            found.push(causes::forbidden("spec.strategy.rollingUpdate", detail));
        }
        for key in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
            causes::not_negative(&mut found, "spec", spec, key);
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        causes::immutable(
            &mut found,
            "spec.selector",
            new.pointer("/spec/selector"),
            old.pointer("/spec/selector"),
        );
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::workload::deployment(object, now)
    }
}

impl Strategy for ReplicaSetStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default(spec, "replicas", 1);
        }
        pod_template::default_template(object, &["spec", "template"]);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({"replicas": 0}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        causes::not_negative(&mut found, "spec", spec, "replicas");
        causes::not_negative(&mut found, "spec", spec, "minReadySeconds");
        found.extend(validate_selector_and_template(spec));
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        causes::immutable(
            &mut found,
            "spec.selector",
            new.pointer("/spec/selector"),
            old.pointer("/spec/selector"),
        );
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(object, &["status.replicas"]);
        if fields[0].1.is_empty() {
            fields[0].1 = "0".into();
        }
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::workload::replica_set(object, now)
    }
}

/// The selector is there, selects something, and selects the pods of the template; those are restarted always.
pub(super) fn validate_selector_and_template(spec: &Value) -> Vec<StatusCause> {
    let mut found = Vec::new();
    let chosen = spec.get("selector").unwrap_or(&Value::Null);
    if chosen.is_null() {
        found.push(causes::required("spec.selector", ""));
    } else {
        found.extend(selector::validate(chosen, "spec.selector"));
        if is_empty(chosen, "/matchLabels") && is_empty(chosen, "/matchExpressions") {
            let detail = "empty selector is invalid for deployment";
            found.push(causes::invalid("spec.selector", chosen, detail));
        }
    }
    let template = spec.get("template").unwrap_or(&Value::Null);
    let labels = template.pointer("/metadata/labels").unwrap_or(&Value::Null);
    if chosen.is_null() || !selector::selects(chosen, labels) {
        let detail = "`selector` does not match template `labels`";
        found.push(causes::invalid("spec.template.metadata.labels", labels, detail));
    }
    found.extend(pod_template::validate_template(template, "spec.template"));
    let policy = text(template, "/spec/restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        found.push(causes::not_supported("spec.template.spec.restartPolicy", &policy.into(), &["Always"]));
    }
    found
}
