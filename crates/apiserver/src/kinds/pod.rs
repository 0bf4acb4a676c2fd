//! Pods.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::field::{is_empty, list, map_under, selectable, set_default, set_default_text, text};
use super::{causes, pod_template};
use crate::ApiServer;
use crate::furnishing::ACCOUNT;
use crate::kind::Strategy;
use crate::table;

pub(super) struct PodStrategy;

const MUTABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

impl Strategy for PodStrategy {
    fn default(&self, object: &mut Value) {
        let Some(spec) = map_under(object, &["spec"]) else { return };
        pod_template::default_spec(spec);
        set_default(spec, "enableServiceLinks", true);
        if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
            let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
            for port in
                containers.into_iter().flatten().filter_map(|it| it.pointer_mut("/ports")?.as_array_mut())
            {
                for port in port.iter_mut().filter_map(Value::as_object_mut) {
                    let number = port.get("containerPort").cloned().unwrap_or(Value::Null);
                    set_default(port, "hostPort", number);
                }
            }
        }
    }

    /// Admission as on a default server: tolerations for lost nodes, priority. The status starts as pending.
    fn prepare_create(&self, object: &mut Value, server: &ApiServer) {
        let quality = quality_of_service(object);
        if let Some(spec) = map_under(object, &["spec"]) {
            if server.options().furnished.is_some() {
                set_default_text(spec, "serviceAccountName", ACCOUNT);
                let account = spec["serviceAccountName"].as_str().unwrap_or_default().to_owned();
                set_default_text(spec, "serviceAccount", &account);
            }
            set_default(spec, "priority", 0);
            set_default_text(spec, "preemptionPolicy", "PreemptLowerPriority");
            tolerate_lost_nodes(spec.entry("tolerations").or_insert_with(|| json!([])));
        }
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({"phase": "Pending", "qosClass": quality}));
        }
    }

    /// `podIP` is the first of `podIPs`: who writes only one of them means both.
    fn prepare_status_update(&self, new: &mut Value, _old: &Value) {
        let (one, many) =
            (text(new, "/status/podIP").to_owned(), text(new, "/status/podIPs/0/ip").to_owned());
        let Some(status) = map_under(new, &["status"]) else { return };
        if !one.is_empty() && many.is_empty() {
            status.insert("podIPs".into(), json!([{"ip": one}]));
        } else if one.is_empty() && !many.is_empty() {
            status.insert("podIP".into(), many.into());
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        pod_template::validate_spec(object.get("spec").unwrap_or(&Value::Null), "spec")
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        if found.is_empty() && !only_mutable_fields_differ(new, old) {
            found.push(causes::forbidden("spec", MUTABLE));
        }
        found
    }

    fn validate_status_update(&self, new: &Value, _old: &Value) -> Vec<StatusCause> {
        let mut found = Vec::new();
        let phases = ["Failed", "Pending", "Running", "Succeeded", "Unknown"];
        if !is_empty(new, "/status/phase") && !phases.contains(&text(new, "/status/phase")) {
            let phase = new.pointer("/status/phase").unwrap_or(&Value::Null);
            found.push(causes::not_supported("status.phase", phase, &phases));
        }
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(
            object,
            &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
        );
        for (label, value) in &mut fields {
            if label == "spec.hostNetwork" && value.is_empty() {
                *value = "false".into();
            }
        }
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::pod::cells(object, now)
    }
}

/// The tolerations that keep a pod on a node for five minutes after the node is lost.
fn tolerate_lost_nodes(tolerations: &mut Value) {
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !tolerations.iter().any(|toleration| text(toleration, "/key") == key) {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300
            }));
        }
    }
}

/// `Guaranteed` when every container's requests equal its limits for cpu and memory, `BestEffort` when no container
/// asks for anything, else `Burstable`.
fn quality_of_service(pod: &Value) -> &'static str {
    let containers = || list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    let asks = |container: &Value, kind: &str, resource: &str| {
        container.pointer(&format!("/resources/{kind}/{resource}")).cloned()
    };
    let nothing = containers().all(|container| {
        ["requests", "limits"]
            .iter()
            .all(|kind| ["cpu", "memory"].iter().all(|resource| asks(container, kind, resource).is_none()))
    });
    let equal = containers().all(|container| {
        ["cpu", "memory"].iter().all(|resource| {
            let limit = asks(container, "limits", resource);
            limit.is_some() && limit == asks(container, "requests", resource)
        })
    });
    match (nothing, equal) {
        (true, _) => "BestEffort",
        (_, true) => "Guaranteed",
        _ => "Burstable",
    }
}

/// Whether `new` is `old` with other images, a deadline, a grace period or further tolerations.
fn only_mutable_fields_differ(new: &Value, old: &Value) -> bool {
    let mut expected = old.get("spec").cloned().unwrap_or(Value::Null);
    for key in ["containers", "initContainers"] {
        let wanted = list(new, &format!("/spec/{key}"));
        let present = expected.get_mut(key).and_then(Value::as_array_mut);
        for (container, wanted) in present.into_iter().flatten().zip(wanted) {
            if let (Some(container), Some(image)) = (container.as_object_mut(), wanted.get("image")) {
                container.insert("image".into(), image.clone());
            }
        }
    }
    let tolerated = list(old, "/spec/tolerations");
    let kept = tolerated.iter().all(|toleration| list(new, "/spec/tolerations").contains(toleration));
    let mut free = vec!["activeDeadlineSeconds", "schedulingGates"];
    if kept {
        free.push("tolerations");
    }
    for key in free {
        let (Some(expected), wanted) = (expected.as_object_mut(), new.pointer(&format!("/spec/{key}")))
        else {
            return false;
        };
        match wanted {
            Some(wanted) => expected.insert(key.into(), wanted.clone()),
            None => expected.remove(key),
        };
    }
    new.get("spec") == Some(&expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(spec: &Value) -> Value {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": spec});
        PodStrategy.default(&mut pod);
        pod
    }

    #[test]
    fn quality_of_service_follows_requests_and_limits() {
        let with = |resources: Value| {
            quality_of_service(&pod(
                &json!({"containers": [{"name": "c", "image": "i", "resources": resources}]}),
            ))
        };
        assert_eq!(with(json!({})), "BestEffort");
        assert_eq!(with(json!({"requests": {"cpu": "1"}})), "Burstable");
        assert_eq!(with(json!({"limits": {"cpu": "1", "memory": "1Gi"}})), "Guaranteed");
    }

    #[test]
    fn images_and_further_tolerations_may_change_and_nothing_else() {
        let old = pod(&json!({"containers": [{"name": "c", "image": "i:1"}]}));
        let mut new = old.clone();
        new["spec"]["containers"][0]["image"] = json!("i:2");
        new["spec"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
        assert_eq!(PodStrategy.validate_update(&new, &old), []);
        new["spec"]["restartPolicy"] = json!("Never");
        let found = PodStrategy.validate_update(&new, &old);
        assert_eq!((found.len(), found[0].field.as_str()), (1, "spec"));
        assert!(found[0].message.starts_with("Forbidden: pod updates may not change fields other than"));
    }
}
