//! Horizontal pod autoscalers as `autoscaling/v1` shows them: one number for the CPU, and what has no place there in
//! annotations, so that nothing is lost on the way through (as kube-apiserver does it).

use serde_json::{Map, Value, json};

use super::super::field::{list, map_under, text};

/// What has no place in `v1`: the member that holds it in `v2`, and the annotation that keeps it.
const KEPT: [(&str, &str, &str); 4] = [
    ("spec", "metrics", "autoscaling.alpha.kubernetes.io/metrics"),
    ("spec", "behavior", "autoscaling.alpha.kubernetes.io/behavior"),
    ("status", "currentMetrics", "autoscaling.alpha.kubernetes.io/current-metrics"),
    ("status", "conditions", "autoscaling.alpha.kubernetes.io/conditions"),
];

/// The member of `v1` that stands for a CPU metric, and where the metric has the number.
const CPU: [(&str, &str, &str); 2] = [
    ("spec", "targetCPUUtilizationPercentage", "target"),
    ("status", "currentCPUUtilizationPercentage", "current"),
];

fn is_cpu(metric: &Value, part: &str) -> bool {
    text(metric, "/resource/name") == "cpu"
        && metric.pointer(&format!("/resource/{part}/averageUtilization")).is_some_and(Value::is_number)
}

/// Makes a `v2` object a `v1` one.
pub(super) fn from_v2(object: &mut Value) {
    for ((parent, number, part), (_, metrics, _)) in CPU.into_iter().zip([KEPT[0], KEPT[2]]) {
        let found =
            list(object, &format!("/{parent}/{metrics}")).iter().position(|metric| is_cpu(metric, part));
        let Some(members) = object.get_mut(parent).and_then(Value::as_object_mut) else { continue };
        if let (Some(position), Some(Value::Array(list))) = (found, members.get_mut(metrics)) {
            let metric = list.remove(position);
            let pointer = format!("/resource/{part}/averageUtilization");
            members.insert(number.to_owned(), metric.pointer(&pointer).cloned().unwrap_or(Value::Null));
        }
    }
    for (parent, member, annotation) in KEPT {
        let taken = object.get_mut(parent).and_then(Value::as_object_mut).and_then(|map| map.remove(member));
        let taken = taken.filter(|value| {
            !matches!(value, Value::Null) && value.as_array().is_none_or(|it| !it.is_empty())
        });
        if let Some(value) = taken
            && let Some(annotations) = map_under(object, &["metadata", "annotations"])
        {
            annotations.insert(annotation.to_owned(), value.to_string().into());
        }
    }
}

/// Makes a `v1` object a `v2` one.
pub(super) fn to_v2(object: &mut Value) {
    for (parent, member, annotation) in KEPT {
        let kept = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        let Some(Value::String(text)) = kept.and_then(|annotations| annotations.remove(annotation)) else {
            continue;
        };
        // What is no JSON was not written by this conversion.
        if let (Ok(value), Some(map)) = (serde_json::from_str(&text), map_under(object, &[parent])) {
            map.insert(member.to_owned(), value);
        }
    }
    for ((parent, number, part), (_, metrics, _)) in CPU.into_iter().zip([KEPT[0], KEPT[2]]) {
        let Some(members) = object.get_mut(parent).and_then(Value::as_object_mut) else { continue };
        let Some(percent) = members.remove(number).filter(Value::is_number) else { continue };
        let mut value = Map::new();
        if part == "target" {
            value.insert("type".into(), "Utilization".into());
        }
        value.insert("averageUtilization".into(), percent);
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", part: value}});
        match members.entry(metrics.to_owned()).or_insert_with(|| json!([])) {
            Value::Array(list) => list.insert(0, metric),
            other => *other = json!([metric]),
        }
    }
    if object.pointer("/metadata/annotations").and_then(Value::as_object).is_some_and(Map::is_empty)
        && let Some(metadata) = map_under(object, &["metadata"])
    {
        metadata.remove("annotations");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_on_the_way_through_the_older_version() {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 70}}});
        let queue = json!({"type": "External", "external": {"metric": {"name": "queue"}}});
        let now =
            json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}});
        let original = json!({
            "metadata": {"name": "h"},
            "spec": {"maxReplicas": 3, "metrics": [cpu, queue], "behavior": {"scaleDown": {}}},
            "status": {"currentMetrics": [now], "conditions": [{"type": "AbleToScale"}]},
        });
        let mut object = original.clone();
        from_v2(&mut object);
        assert_eq!(object["spec"]["targetCPUUtilizationPercentage"], 70);
        assert_eq!(object["status"], json!({"currentCPUUtilizationPercentage": 12}));
        assert!(object["spec"].get("metrics").is_none() && object["spec"].get("behavior").is_none());
        to_v2(&mut object);
        assert_eq!(object, original);
    }
}
