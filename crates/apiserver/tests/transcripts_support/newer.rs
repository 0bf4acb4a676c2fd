//! What every server of the version spoken here does otherwise than the recorded one (1.20).

use serde_json::{Value, json};

/// Rewrites an expectation, at every depth.
pub(crate) fn adapt(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // 1.34: a time that is not set is not written (pod templates).
            if map.get("creationTimestamp") == Some(&Value::Null) {
                map.remove("creationTimestamp");
            }
            for inner in map.values_mut() {
                adapt(inner);
            }
            let (kind, api_version) = (map.get("kind").cloned(), map.get("apiVersion").cloned());
            if api_version == Some(json!("v1")) {
                match kind.as_ref().and_then(Value::as_str) {
                    Some("Namespace") => label_namespace(value),
                    Some("NamespaceList") => each_item(value, label_namespace),
                    Some("Pod") => number_pod(value),
                    Some("PodList") => each_item(value, number_pod),
                    Some("APIResourceList") => name_singulars(value),
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(adapt),
        _ => {}
    }
}

fn each_item(list: &mut Value, adapt: impl Fn(&mut Value)) {
    for item in list["items"].as_array_mut().into_iter().flatten() {
        adapt(item);
    }
}

/// 1.21: namespaces carry their name as a label.
fn label_namespace(namespace: &mut Value) {
    let name = namespace["metadata"]["name"].clone();
    namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
}

/// 1.33: pods have a generation.
fn number_pod(pod: &mut Value) {
    if pod["metadata"].get("uid").is_some() {
        pod["metadata"]["generation"] = json!("{{num}}");
    }
}

/// 1.27: built-in resources tell their singular name.
fn name_singulars(list: &mut Value) {
    for resource in list["resources"].as_array_mut().into_iter().flatten() {
        let own = !resource["name"].as_str().unwrap_or("").contains('/');
        if own && resource["singularName"] == "" {
            resource["singularName"] = resource["kind"].as_str().unwrap_or("").to_lowercase().into();
        }
    }
}
