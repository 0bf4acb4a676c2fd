//! Cells of the smaller types: namespaces, nodes, services, config maps, secrets, service accounts, leases.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::pod::or_none;
use crate::kinds::field::{has_condition, list, number, text};
use crate::kinds::selector::print;

/// The name cell.
pub(crate) fn name(object: &Value) -> Value {
    text(object, "/metadata/name").into()
}

fn entries(object: &Value, key: &str) -> usize {
    object.get(key).and_then(Value::as_object).map_or(0, serde_json::Map::len)
}

/// The cells of a namespace's row.
pub(crate) fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), text(object, "/status/phase").into(), age::of(object, now)]
}

/// The cells of a config map's row.
pub(crate) fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    let count = entries(object, "data") + entries(object, "binaryData");
    vec![name(object), count.into(), age::of(object, now)]
}

/// The cells of a secret's row.
pub(crate) fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), text(object, "/type").into(), entries(object, "data").into(), age::of(object, now)]
}

/// The cells of a service account's row.
pub(crate) fn service_account(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), list(object, "/secrets").len().into(), age::of(object, now)]
}

/// The cells of a lease's row.
pub(crate) fn lease(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), text(object, "/spec/holderIdentity").into(), age::of(object, now)]
}

/// The cells of a node's row.
pub(crate) fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let known =
        list(object, "/status/conditions").iter().any(|condition| text(condition, "/type") == "Ready");
    let mut status = match (known, has_condition(object, "Ready")) {
        (false, _) => "Unknown".to_owned(),
        (true, true) => "Ready".to_owned(),
        (true, false) => "NotReady".to_owned(),
    };
    if object.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        status.push_str(",SchedulingDisabled");
    }
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let roles: Vec<_> = labels
        .into_iter()
        .flatten()
        .filter_map(|(label, _)| label.strip_prefix("node-role.kubernetes.io/"))
        .filter(|role| !role.is_empty())
        .collect();
    let info = |key: &str| match text(object, &format!("/status/nodeInfo/{key}")) {
        "" => "<unknown>",
        text => text,
    };
    let address = |kind: &str| {
        let addresses = list(object, "/status/addresses");
        let found = addresses.iter().find(|address| text(address, "/type") == kind);
        or_none(found.map_or("", |address| text(address, "/address")))
    };
    vec![
        name(object),
        status.into(),
        or_none(&roles.join(",")),
        age::of(object, now),
        text(object, "/status/nodeInfo/kubeletVersion").into(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage").into(),
        info("kernelVersion").into(),
        info("containerRuntimeVersion").into(),
    ]
}

/// The cells of a service's row.
pub(crate) fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    let port = |port: &Value| {
        let (number_of, protocol) = (number(port, "/port").unwrap_or(0), text(port, "/protocol"));
        match number(port, "/nodePort") {
            Some(node_port) if node_port > 0 => format!("{number_of}:{node_port}/{protocol}"),
            _ => format!("{number_of}/{protocol}"),
        }
    };
    let ports: Vec<_> = list(object, "/spec/ports").iter().map(port).collect();
    let selector = serde_json::json!({"matchLabels": object.pointer("/spec/selector")});
    vec![
        name(object),
        text(object, "/spec/type").into(),
        or_none(text(object, "/spec/clusterIP")),
        external_addresses(object).into(),
        or_none(&ports.join(",")),
        age::of(object, now),
        print(&selector).into(),
    ]
}

fn external_addresses(service: &Value) -> String {
    let given: Vec<_> = list(service, "/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    let given = given.join(",");
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = list(service, "/status/loadBalancer/ingress").iter().map(|ingress| {
                let address = text(ingress, "/ip");
                if address.is_empty() { text(ingress, "/hostname") } else { address }
            });
            let balanced: Vec<_> = ingress.chain((!given.is_empty()).then_some(given.as_str())).collect();
            if balanced.is_empty() { "<pending>".into() } else { balanced.join(",") }
        }
        _ if given.is_empty() => "<none>".into(),
        _ => given,
    }
}
