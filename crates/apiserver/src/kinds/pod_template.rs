//! Pod specifications, in pods and in templates: defaults and validation.

use pilothouse_machinery::StatusCause;
use serde_json::{Map, Value, json};

use super::container::{self, one_of};
use super::field::{map_at, map_under, set_default, set_default_text};
use super::{causes, selector};

/// Fills what a pod specification leaves out.
pub(super) fn default_spec(spec: &mut Map<String, Value>) {
    set_default_text(spec, "restartPolicy", "Always");
    set_default_text(spec, "dnsPolicy", "ClusterFirst");
    set_default_text(spec, "schedulerName", "default-scheduler");
    set_default(spec, "terminationGracePeriodSeconds", 30);
    set_default(spec, "securityContext", json!({}));
    mirror_service_account(spec);
    for key in ["containers", "initContainers"] {
        for container in spec.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            container::default(container);
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        default_volume(volume);
    }
    // Lists that are there but empty are not stored.
    for key in ["initContainers", "volumes", "tolerations", "imagePullSecrets"] {
        if spec.get(key).is_some_and(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty)) {
            spec.remove(key);
        }
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`: both always say the same.
fn mirror_service_account(spec: &mut Map<String, Value>) {
    let given = |key: &str| spec.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    if let Some(name) = given("serviceAccountName").or_else(|| given("serviceAccount")).map(str::to_owned) {
        spec.insert("serviceAccountName".into(), name.as_str().into());
        spec.insert("serviceAccount".into(), name.into());
    }
}

fn default_volume(volume: &mut Value) {
    let Some(volume) = volume.as_object_mut() else { return };
    if volume.len() <= 1 {
        volume.insert("emptyDir".into(), json!({}));
    }
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(Value::Object(source)) = volume.get_mut(source) {
            set_default(source, "defaultMode", 0o644);
        }
    }
    if let Some(Value::Object(source)) = volume.get_mut("hostPath") {
        set_default(source, "type", "");
    }
}

/// Fills what the template at `path` of `object` leaves out.
pub(super) fn default_template(object: &mut Value, path: &[&str]) {
    let Some(template) = map_under(object, path) else { return };
    if let Some(spec) = map_at(template, "spec") {
        default_spec(spec);
    }
}

const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];
const DNS_POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// What is wrong with a pod specification at `path`.
pub(super) fn validate_spec(spec: &Value, path: &str) -> Vec<StatusCause> {
    let mut found = container::validate_all(spec, path);
    one_of(spec, path, "restartPolicy", &RESTART_POLICIES, &mut found);
    one_of(spec, path, "dnsPolicy", &DNS_POLICIES, &mut found);
    causes::not_negative(&mut found, path, spec, "terminationGracePeriodSeconds");
    if let Some(seconds) = spec.get("activeDeadlineSeconds").and_then(Value::as_i64)
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let field = format!("{path}.activeDeadlineSeconds");
        let detail = "must be between 1 and 2147483647, inclusive";
        found.push(causes::invalid(field, &seconds.into(), detail));
    }
    found.extend(selector::labels(
        spec.get("nodeSelector").unwrap_or(&Value::Null),
        &format!("{path}.nodeSelector"),
    ));
    found.extend(unknown_volumes(spec, path));
    found
}

fn unknown_volumes(spec: &Value, path: &str) -> Vec<StatusCause> {
    let list = |key: &str| spec.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let volumes: Vec<_> = list("volumes").iter().filter_map(|volume| volume.get("name")).collect();
    let mut found = Vec::new();
    for key in ["containers", "initContainers"] {
        for (index, container) in list(key).iter().enumerate() {
            let mounts = container.get("volumeMounts").and_then(Value::as_array).into_iter().flatten();
            for (mount_index, mount) in mounts.enumerate() {
                if let Some(name) = mount.get("name").filter(|name| !volumes.contains(name)) {
                    let field = format!("{path}.{key}[{index}].volumeMounts[{mount_index}].name");
                    found.push(StatusCause {
                        reason: "FieldValueNotFound".into(),
                        message: format!("Not found: {name}"),
                        field,
                    });
                }
            }
        }
    }
    found
}

/// What is wrong with a pod template at `path` (`spec.template`).
pub(super) fn validate_template(template: &Value, path: &str) -> Vec<StatusCause> {
    let labels = template.pointer("/metadata/labels").unwrap_or(&Value::Null);
    let mut found = selector::labels(labels, &format!("{path}.labels"));
    found.extend(validate_spec(template.get("spec").unwrap_or(&Value::Null), &format!("{path}.spec")));
    found
}
