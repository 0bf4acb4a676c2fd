//! Horizontal pod autoscalers, in `autoscaling/v2` and, with less to say, `v1`. Nothing scales by them here.

use jiff::Timestamp;
use pilothouse_machinery::{Scope, StatusCause};
use serde_json::{Value, json};

use super::super::causes;
use super::super::field::{list, number, set_default, text};
use super::autoscaling_v1;
use super::rules::{Rules, with};
use crate::kind::{Kind, StorageKey};
use crate::table::{AGE, NAME, age_of, name_of};

/// How many metrics a cell shows.
const SHOWN: usize = 2;

pub(super) fn kinds() -> Vec<Kind> {
    let (plural, kind) = ("horizontalpodautoscalers", "HorizontalPodAutoscaler");
    let of = |version, rules: Rules| Kind {
        short_names: vec!["hpa".into()],
        categories: vec!["all".into()],
        status_subresource: true,
        shares: Some(StorageKey { group: "autoscaling".into(), plural: plural.into() }),
        ..rules.kind("autoscaling", version, plural, kind, Scope::Namespaced)
    };
    vec![of("v1", OLDER), of("v2", AUTOSCALER)]
}

const OLDER: Rules = Rules {
    default: |object| {
        with(object, &["spec"], |spec| set_default(spec, "minReplicas", 1));
    },
    convert: autoscaling_v1::from_v2,
    cells: |object, now| {
        let mut newer = object.clone();
        autoscaling_v1::to_v2(&mut newer);
        cells(&newer, now)
    },
    ..AUTOSCALER
};

const AUTOSCALER: Rules = Rules {
    convert: autoscaling_v1::to_v2,
    default: |object| {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        let metrics = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
        with(object, &["spec"], |spec| {
            set_default(spec, "minReplicas", 1);
            if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
                spec.insert("metrics".into(), metrics);
            }
        });
    },
    validate,
    columns: &[
        NAME,
        ("Reference", "string", "", 0, "What it scales."),
        ("Targets", "string", "", 0, "Present and wanted values of its metrics."),
        ("MinPods", "string", "", 0, "The fewest replicas."),
        ("MaxPods", "integer", "", 0, "The most replicas."),
        ("Replicas", "integer", "", 0, "Present replicas."),
        AGE,
    ],
    cells,
    ..Rules::PLAIN
};

fn validate(object: &Value, found: &mut Vec<StatusCause>) {
    for member in ["kind", "name"] {
        if text(object, &format!("/spec/scaleTargetRef/{member}")).is_empty() {
            found.push(causes::required(format!("spec.scaleTargetRef.{member}"), ""));
        }
    }
    let most = number(object, "/spec/maxReplicas").unwrap_or(0);
    let fewest = number(object, "/spec/minReplicas").unwrap_or(1);
    if fewest < 1 {
        let detail = "must be greater than or equal to 1";
        found.push(causes::invalid("spec.minReplicas", &fewest.into(), detail));
    }
    if most < 1 {
        found.push(causes::invalid("spec.maxReplicas", &most.into(), "must be greater than 0"));
    }
    if most < fewest {
        let detail = "must be greater than or equal to `minReplicas`";
        found.push(causes::invalid("spec.maxReplicas", &most.into(), detail));
    }
}

/// `cpu: 12%/80%`: a resource metric; others only with their type.
fn metric(metric: &Value, object: &Value) -> String {
    let name = text(metric, "/resource/name");
    if text(metric, "/type") != "Resource" {
        return format!("{}: <unknown>", text(metric, "/type"));
    }
    let current = list(object, "/status/currentMetrics").iter();
    let mut current = current.filter(|status| text(status, "/resource/name") == name);
    let (wanted, pointer, unit) = match number(metric, "/resource/target/averageUtilization") {
        Some(wanted) => (wanted.to_string(), "/resource/current/averageUtilization", "%"),
        None => {
            (text(metric, "/resource/target/averageValue").to_owned(), "/resource/current/averageValue", "")
        }
    };
    let present = current.find_map(|status| status.pointer(pointer));
    let present = match present {
        Some(Value::String(text)) => text.clone(),
        Some(number) => format!("{number}{unit}"),
        None => "<unknown>".to_owned(),
    };
    format!("{name}: {present}/{wanted}{unit}")
}

fn cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let metrics: Vec<_> = list(object, "/spec/metrics").iter().map(|each| metric(each, object)).collect();
    let targets = match metrics.len() {
        0 => "<none>".to_owned(),
        1..=SHOWN => metrics.join(", "),
        more => format!("{} + {} more...", metrics[..SHOWN].join(", "), more - SHOWN),
    };
    let fewest =
        number(object, "/spec/minReplicas").map_or_else(|| "<unset>".into(), |least| least.to_string());
    let target = "/spec/scaleTargetRef";
    let reference =
        format!("{}/{}", text(object, &format!("{target}/kind")), text(object, &format!("{target}/name")));
    vec![
        name_of(object),
        reference.into(),
        targets.into(),
        fewest.into(),
        number(object, "/spec/maxReplicas").unwrap_or(0).into(),
        number(object, "/status/currentReplicas").unwrap_or(0).into(),
        age_of(object, now),
    ]
}
