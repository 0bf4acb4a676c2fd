//! Cells of deployments, replica sets, stateful sets, daemon sets and their revisions.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use crate::kinds::field::{list, number, text};
use crate::kinds::selector::print;

fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

/// Names and images of the containers of the template at `pointer`.
pub(crate) fn containers_and_images(object: &Value, pointer: &str) -> [Value; 2] {
    let containers = list(object, &format!("{pointer}/spec/containers"));
    ["/name", "/image"].map(|field| {
        let texts: Vec<_> = containers.iter().map(|container| text(container, field)).collect();
        texts.join(",").into()
    })
}

/// The label selector of a workload.
pub(super) fn selector(object: &Value) -> Value {
    object.pointer("/spec/selector").map_or_else(|| "<none>".into(), |selector| print(selector).into())
}

/// The cells of a deployment's row.
pub(crate) fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = format!("{}/{}", count(object, "/status/readyReplicas"), count(object, "/spec/replicas"));
    let mut cells = vec![
        text(object, "/metadata/name").into(),
        ready.into(),
        count(object, "/status/updatedReplicas").into(),
        count(object, "/status/availableReplicas").into(),
        age::of(object, now),
    ];
    cells.extend(containers_and_images(object, "/spec/template"));
    cells.push(selector(object));
    cells
}

/// The cells of a replica set's row.
pub(crate) fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![
        text(object, "/metadata/name").into(),
        count(object, "/spec/replicas").into(),
        count(object, "/status/replicas").into(),
        count(object, "/status/readyReplicas").into(),
        age::of(object, now),
    ];
    cells.extend(containers_and_images(object, "/spec/template"));
    cells.push(selector(object));
    cells
}

/// The cells of a stateful set's row.
pub(crate) fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = format!("{}/{}", count(object, "/status/readyReplicas"), count(object, "/spec/replicas"));
    let mut cells = vec![text(object, "/metadata/name").into(), ready.into(), age::of(object, now)];
    cells.extend(containers_and_images(object, "/spec/template"));
    cells
}

/// The cells of a daemon set's row.
pub(crate) fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let numbers = [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ];
    let nodes = object.pointer("/spec/template/spec/nodeSelector").and_then(Value::as_object);
    let nodes: Vec<_> = nodes
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let mut cells = vec![text(object, "/metadata/name").into()];
    cells.extend(numbers.map(|number| Value::from(count(object, &format!("/status/{number}")))));
    cells.push(if nodes.is_empty() { "<none>".into() } else { nodes.join(",").into() });
    cells.push(age::of(object, now));
    cells.extend(containers_and_images(object, "/spec/template"));
    cells.push(selector(object));
    cells
}

/// The cells of a controller revision's row.
pub(crate) fn controller_revision(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut owners = list(object, "/metadata/ownerReferences").iter();
    let controller = owners.find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    let controller = controller.map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let group = text(owner, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
            let resource = format!("{}.{group}", text(owner, "/kind").to_lowercase());
            format!("{}/{}", resource.trim_end_matches('.'), text(owner, "/name"))
        },
    );
    vec![
        text(object, "/metadata/name").into(),
        controller.into(),
        count(object, "/revision").to_string().into(),
        age::of(object, now),
    ]
}
