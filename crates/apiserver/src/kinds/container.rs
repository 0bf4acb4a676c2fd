//! Containers of a pod: defaults and validation.

use std::collections::BTreeSet;

use pilothouse_machinery::StatusCause;
use serde_json::{Map, Value, json};

use super::causes;
use super::field::{list, set_default, set_default_text, text};
use super::format;

/// Fills what a container leaves out, as the API server's `SetDefaults_Container` and its relatives do.
pub(super) fn default(container: &mut Value) {
    let Some(map) = container.as_object_mut() else { return };
    set_default(map, "resources", json!({}));
    set_default_text(map, "terminationMessagePath", "/dev/termination-log");
    set_default_text(map, "terminationMessagePolicy", "File");
    let image = map.get("image").and_then(Value::as_str).unwrap_or("");
    let policy = if has_latest_tag(image) { "Always" } else { "IfNotPresent" };
    set_default_text(map, "imagePullPolicy", policy);
    for port in items(map, "ports") {
        if let Some(port) = port.as_object_mut() {
            set_default_text(port, "protocol", "TCP");
        }
    }
    for variable in items(map, "env") {
        if let Some(Value::Object(field)) = variable.pointer_mut("/valueFrom/fieldRef") {
            set_default_text(field, "apiVersion", "v1");
        }
    }
    default_requests(map);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(Value::Object(probe)) = map.get_mut(probe) {
            default_probe(probe);
        }
    }
}

fn items<'a>(map: &'a mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'a mut Value> {
    map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// A limit without a request is the request as well.
fn default_requests(map: &mut Map<String, Value>) {
    let Some(Value::Object(resources)) = map.get_mut("resources") else { return };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Some(requests) = requests.as_object_mut() {
        for (resource, limit) in limits {
            requests.entry(resource).or_insert(limit);
        }
    }
}

fn default_probe(probe: &mut Map<String, Value>) {
    for (key, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set_default(probe, key, value);
    }
    if let Some(Value::Object(action)) = probe.get_mut("httpGet") {
        set_default_text(action, "path", "/");
        set_default_text(action, "scheme", "HTTP");
    }
}

/// Whether an image without a digest has the tag `latest` or none.
fn has_latest_tag(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    match image.rsplit('/').next().unwrap_or("").split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => true,
    }
}

/// What is wrong with the containers of a pod specification at `path`.
pub(super) fn validate_all(spec: &Value, path: &str) -> Vec<StatusCause> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    let containers = list(spec, "/containers");
    if containers.is_empty() {
        found.push(causes::required(format!("{path}.containers"), ""));
    }
    for (index, container) in containers.iter().enumerate() {
        validate(container, &format!("{path}.containers[{index}]"), &mut names, &mut found);
    }
    for (index, container) in list(spec, "/initContainers").iter().enumerate() {
        validate(container, &format!("{path}.initContainers[{index}]"), &mut names, &mut found);
    }
    found
}

fn validate<'a>(
    container: &'a Value,
    path: &str,
    names: &mut BTreeSet<&'a str>,
    found: &mut Vec<StatusCause>,
) {
    let name = text(container, "/name");
    if name.is_empty() {
        found.push(causes::required(format!("{path}.name"), ""));
    } else {
        found.extend(
            format::label(name)
                .iter()
                .map(|message| causes::invalid(format!("{path}.name"), &name.into(), message)),
        );
        if !names.insert(name) {
            found.push(causes::duplicate(format!("{path}.name"), &name.into()));
        }
    }
    let image = text(container, "/image");
    if image.is_empty() {
        found.push(causes::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        found.push(causes::invalid(format!("{path}.image"), &image.into(), detail));
    }
    one_of(container, path, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], found);
    one_of(container, path, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"], found);
    for (index, port) in list(container, "/ports").iter().enumerate() {
        validate_port(port, &format!("{path}.ports[{index}]"), found);
    }
    for (index, variable) in list(container, "/env").iter().enumerate() {
        if text(variable, "/name").is_empty() {
            found.push(causes::required(format!("{path}.env[{index}].name"), ""));
        }
    }
    for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
        for key in ["name", "mountPath"] {
            if text(mount, &format!("/{key}")).is_empty() {
                found.push(causes::required(format!("{path}.volumeMounts[{index}].{key}"), ""));
            }
        }
    }
}

fn validate_port(port: &Value, path: &str, found: &mut Vec<StatusCause>) {
    match port.get("containerPort").and_then(Value::as_i64).unwrap_or(0) {
        0 => found.push(causes::required(format!("{path}.containerPort"), "")),
        1..=65535 => {}
        number => {
            let detail = "must be between 1 and 65535, inclusive";
            found.push(causes::invalid(format!("{path}.containerPort"), &number.into(), detail));
        }
    }
    one_of(port, path, "protocol", &["SCTP", "TCP", "UDP"], found);
}

/// A text field that may only have one of a few values, if it is there.
pub(super) fn one_of(
    object: &Value,
    path: &str,
    key: &str,
    supported: &[&str],
    found: &mut Vec<StatusCause>,
) {
    if let Some(value) = object.get(key).filter(|value| !value.is_null())
        && !supported.iter().any(|supported| value == supported)
    {
        found.push(causes::not_supported(format!("{path}.{key}"), value, supported));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_a_tag_are_pulled_always() {
        for (image, latest) in [
            ("busybox", true),
            ("a/b:latest", true),
            ("a:5000/b", true),
            ("b:1", false),
            ("b@sha256:0", false),
        ] {
            assert_eq!(has_latest_tag(image), latest, "{image}");
        }
    }

    #[test]
    fn limits_become_requests_and_probes_get_their_numbers() {
        let mut container = json!({"name": "c", "image": "i:1", "resources": {"limits": {"cpu": "1"}},
            "readinessProbe": {"httpGet": {"port": 80}}});
        default(&mut container);
        assert_eq!(container["resources"]["requests"], json!({"cpu": "1"}));
        assert_eq!(container["readinessProbe"]["failureThreshold"], 3);
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/");
    }
}
