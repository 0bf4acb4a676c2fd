//! Stateful sets.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Map, Value, json};

use super::container::one_of;
use super::deployment::validate_selector_and_template;
use super::field::{map_at, map_under, set_default, set_default_text};
use super::{causes, pod_template};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

/// What may change in the specification of a stateful set.
const CHANGEABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default(spec, "replicas", 1);
            set_default(spec, "revisionHistoryLimit", 10);
            set_default_text(spec, "podManagementPolicy", "OrderedReady");
            default_update_strategy(spec);
            if let Some(policy) = map_at(spec, "persistentVolumeClaimRetentionPolicy") {
                set_default_text(policy, "whenDeleted", "Retain");
                set_default_text(policy, "whenScaled", "Retain");
            }
            let claims = spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
            claims.into_iter().flatten().for_each(default_claim);
        }
        pod_template::default_template(object, &["spec", "template"]);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({"replicas": 0, "availableReplicas": 0}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        for key in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
            causes::not_negative(&mut found, "spec", spec, key);
        }
        one_of(spec, "spec", "podManagementPolicy", &["OrderedReady", "Parallel"], &mut found);
        let strategy = spec.get("updateStrategy").unwrap_or(&Value::Null);
        one_of(strategy, "spec.updateStrategy", "type", &["OnDelete", "RollingUpdate"], &mut found);
        found.extend(validate_selector_and_template(spec));
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        let fixed = |object: &Value| -> Map<String, Value> {
            let members = object.get("spec").and_then(Value::as_object).into_iter().flatten();
            let members = members.filter(|(name, _)| !CHANGEABLE.contains(&name.as_str()));
            members.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        if fixed(new) != fixed(old) {
            let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                          'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                          'minReadySeconds' are forbidden";
            found.push(causes::forbidden("spec", detail));
        }
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::workload::stateful_set(object, now)
    }
}

fn default_update_strategy(spec: &mut Map<String, Value>) {
    let Some(strategy) = map_at(spec, "updateStrategy") else { return };
    set_default_text(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate"
        && let Some(rolling) = map_at(strategy, "rollingUpdate")
    {
        set_default(rolling, "partition", 0);
    }
}

/// A template of a claim is written as a whole object, as if it existed.
fn default_claim(claim: &mut Value) {
    if let Some(spec) = map_under(claim, &["spec"]) {
        set_default_text(spec, "volumeMode", "Filesystem");
    }
    if let Some(status) = map_under(claim, &["status"]) {
        set_default_text(status, "phase", "Pending");
    }
    if let Some(claim) = claim.as_object_mut() {
        claim.insert("kind".into(), "PersistentVolumeClaim".into());
        claim.insert("apiVersion".into(), "v1".into());
    }
}
