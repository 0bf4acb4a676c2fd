//! Cells of deployments and replica sets.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use crate::kinds::field::{list, number, text};
use crate::kinds::selector::print;

fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

/// Names and images of the containers of the template at `pointer`.
pub(super) fn containers_and_images(object: &Value, pointer: &str) -> [Value; 2] {
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
