//! What a job's status may say: the rules that keep controllers from finishing a job twice or too early.
//!
//! As kube-apiserver validates since 1.31 (KEP-3998, KEP-4368): the interim condition comes first, the terminal one
//! when no pod is left.

use pilothouse_machinery::StatusCause;
use serde_json::Value;

use super::causes;
use super::field::{has_condition, list, number};

const CONDITIONS: &str = "status.conditions";

/// What is wrong with a write to the status of a job.
pub(super) fn validate(new: &Value, old: &Value) -> Vec<StatusCause> {
    let mut found = Vec::new();
    let status = new.get("status").unwrap_or(&Value::Null);
    for key in ["active", "ready", "succeeded", "failed", "terminating"] {
        causes::not_negative(&mut found, "status", status, key);
    }
    // What was wrong before stays tolerated: only a write that makes it so is refused.
    if new.get("status") != old.get("status") {
        conditions(new, old, &mut found);
        times(new, old, &mut found);
        counters(new, &mut found);
    }
    found
}

fn conditions(new: &Value, old: &Value, found: &mut Vec<StatusCause>) {
    let mut refuse = |detail: &str| found.push(causes::invalid_omitting_value(CONDITIONS, detail));
    let is = |kind: &str| has_condition(new, kind);
    for (one, other) in [
        ("Complete", "Failed"),
        ("Complete", "FailureTarget"),
        ("SuccessCriteriaMet", "Failed"),
        ("SuccessCriteriaMet", "FailureTarget"),
    ] {
        if is(one) && is(other) {
            refuse(&format!("cannot set {one}=True and {other}=true conditions"));
        }
    }
    for (terminal, interim) in [("Failed", "FailureTarget"), ("Complete", "SuccessCriteriaMet")] {
        if is(terminal) && !has_condition(old, terminal) && !is(interim) {
            refuse(&format!("cannot set {terminal}=True condition without the {interim}=true condition"));
        }
    }
    for kind in ["Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"] {
        if has_condition(old, kind) && !is(kind) {
            let what = if matches!(kind, "Complete" | "Failed") { "terminal " } else { "" };
            refuse(&format!("cannot disable the {what}{kind}=True condition"));
        }
    }
}

fn times(new: &Value, old: &Value, found: &mut Vec<StatusCause>) {
    let time =
        |job: &Value, key: &str| job.pointer(&format!("/status/{key}")).filter(|it| !it.is_null()).cloned();
    let (started, completed) = (time(new, "startTime"), time(new, "completionTime"));
    let complete = has_condition(new, "Complete");
    let finished = complete || has_condition(new, "Failed");
    if finished && started.is_none() {
        found.push(causes::required("status.startTime", "startTime is required for finished job"));
    }
    match (&completed, complete) {
        (Some(at), false) => {
            let detail = "cannot set completionTime when there is no Complete=True condition";
            found.push(causes::invalid("status.completionTime", at, detail));
        }
        (None, true) => {
            let detail = "completionTime is required for Complete jobs";
            found.push(causes::required("status.completionTime", detail));
        }
        _ => {}
    }
    let instant = |value: &Option<Value>| value.as_ref()?.as_str()?.parse::<jiff::Timestamp>().ok();
    if let (Some(start), Some(end)) = (instant(&started), instant(&completed))
        && end < start
    {
        let detail = "completionTime cannot be set before startTime";
        found.push(causes::invalid("status.completionTime", &end.to_string().into(), detail));
    }
    let suspended = new.pointer("/spec/suspend") == Some(&Value::Bool(true));
    if let Some(before) = time(old, "startTime").filter(|_| !suspended) {
        match &started {
            None => {
                let detail = "startTime cannot be removed for unsuspended job";
                found.push(causes::required("status.startTime", detail));
            }
            Some(now) if *now != before => {
                let detail = "startTime cannot be modified for unsuspended job";
                found.push(causes::invalid("status.startTime", now, detail));
            }
            Some(_) => {}
        }
    }
    if let Some(before) = time(old, "completionTime") {
        causes::immutable(found, "status.completionTime", completed.as_ref(), Some(&before));
    }
}

fn counters(new: &Value, found: &mut Vec<StatusCause>) {
    let count = |key: &str| number(new, &format!("/status/{key}")).unwrap_or(0);
    let finished = has_condition(new, "Complete") || has_condition(new, "Failed");
    for key in ["active", "terminating"] {
        if finished && count(key) > 0 {
            let detail = format!("{key}>0 is invalid for finished job");
            found.push(causes::invalid(format!("status.{key}"), &count(key).into(), &detail));
        }
    }
    if count("ready") > count("active") {
        let detail = "cannot set more ready pods than active";
        found.push(causes::invalid("status.ready", &count("ready").into(), detail));
    }
    let uncounted = |key: &str| list(new, &format!("/status/uncountedTerminatedPods/{key}")).len();
    if finished && uncounted("succeeded") + uncounted("failed") > 0 {
        let pods = new.pointer("/status/uncountedTerminatedPods").unwrap_or(&Value::Null);
        let detail = "uncountedTerminatedPods needs to be empty for finished job";
        found.push(causes::invalid("status.uncountedTerminatedPods", pods, detail));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(status: &Value) -> Value {
        json!({"spec": {"suspend": false}, "status": status})
    }

    fn messages(new: &Value, old: &Value) -> Vec<String> {
        let found = validate(&job(new), &job(old));
        found.into_iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
    }

    #[test]
    fn a_job_ends_through_its_interim_condition_and_with_its_times() {
        let start = "2026-01-01T00:00:00Z";
        let met = json!({"type": "SuccessCriteriaMet", "status": "True"});
        let complete = json!({"type": "Complete", "status": "True"});
        let running = json!({"active": 1, "startTime": start});
        let early = json!({"startTime": start, "completionTime": start, "conditions": [complete.clone()]});
        assert_eq!(
            messages(&early, &running),
            ["status.conditions: Invalid value: cannot set Complete=True condition without the \
              SuccessCriteriaMet=true condition"]
        );
        let done =
            json!({"startTime": start, "completionTime": start, "conditions": [met.clone(), complete]});
        assert_eq!(messages(&done, &running), [""; 0]);
        let reopened = json!({"startTime": start, "conditions": [met]});
        assert_eq!(
            messages(&reopened, &done),
            [
                "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                "status.completionTime: Invalid value: null: field is immutable"
            ]
        );
    }

    #[test]
    fn a_finished_job_has_no_active_pods_and_ready_pods_are_active() {
        let failed =
            json!([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]);
        let status = json!({"active": 1, "startTime": "2026-01-01T00:00:00Z", "conditions": failed});
        assert_eq!(
            messages(&status, &json!({})),
            ["status.active: Invalid value: 1: active>0 is invalid for finished job"]
        );
        assert_eq!(
            messages(&json!({"ready": 2, "active": 1}), &json!({})),
            ["status.ready: Invalid value: 2: cannot set more ready pods than active"]
        );
    }
}
