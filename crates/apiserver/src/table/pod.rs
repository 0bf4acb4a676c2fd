//! Cells of a pod: the status column says what the containers do, not only the phase.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age;
use crate::kinds::field::{has_condition, list, number, text};

/// What the containers of a pod add up to.
#[derive(Default)]
struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Summary {
    fn count_restarts(&mut self, container: &Value) {
        self.restarts += number(container, "/restartCount").unwrap_or(0);
        let finished = age::time(container.pointer("/lastState/terminated/finishedAt"));
        self.last_restart = self.last_restart.max(finished);
    }

    fn restarts_cell(&self, now: Timestamp) -> String {
        match self.last_restart {
            Some(then) if self.restarts > 0 => {
                format!("{} ({} ago)", self.restarts, age::duration(now.duration_since(then)))
            }
            _ => self.restarts.to_string(),
        }
    }
}

/// The cells of a pod's row.
pub(crate) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = summarise(pod);
    let total = list(pod, "/spec/containers").len();
    let gates = list(pod, "/spec/readinessGates");
    let open = gates.iter().filter(|gate| has_condition(pod, text(gate, "/conditionType"))).count();
    let gates = if gates.is_empty() { "<none>".into() } else { format!("{open}/{}", gates.len()) };
    let address = match text(pod, "/status/podIP") {
        "" => text(pod, "/status/podIPs/0/ip"),
        address => address,
    };
    vec![
        text(pod, "/metadata/name").into(),
        format!("{}/{total}", summary.ready).into(),
        summary.reason.as_str().into(),
        summary.restarts_cell(now).into(),
        age::of(pod, now),
        or_none(address),
        or_none(text(pod, "/spec/nodeName")),
        or_none(text(pod, "/status/nominatedNodeName")),
        json!(gates),
    ]
}

pub(crate) fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

fn summarise(pod: &Value) -> Summary {
    let mut summary = Summary { reason: text(pod, "/status/phase").into(), ..Summary::default() };
    if !text(pod, "/status/reason").is_empty() {
        summary.reason = text(pod, "/status/reason").into();
    }
    let gated = list(pod, "/status/conditions").iter().any(|condition| {
        text(condition, "/type") == "PodScheduled" && text(condition, "/reason") == "SchedulingGated"
    });
    if gated {
        summary.reason = "SchedulingGated".into();
    }
    let initializing = init_containers(pod, &mut summary);
    if !initializing || has_condition(pod, "Initialized") {
        (summary.restarts, summary.last_restart) = (0, None);
        main_containers(pod, &mut summary);
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        if text(pod, "/status/reason") == "NodeLost" {
            summary.reason = "Unknown".into();
        } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            summary.reason = "Terminating".into();
        }
    }
    summary
}

/// Whether an init container is still to finish; its state is then the pod's.
fn init_containers(pod: &Value, summary: &mut Summary) -> bool {
    let statuses = list(pod, "/status/initContainerStatuses");
    for (index, container) in statuses.iter().enumerate() {
        summary.count_restarts(container);
        if number(container, "/state/terminated/exitCode") == Some(0) {
            continue;
        }
        let waiting = text(container, "/state/waiting/reason");
        summary.reason = if let Some(terminated) = container.pointer("/state/terminated") {
            format!("Init:{}", termination(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{}", list(pod, "/spec/initContainers").len())
        };
        return true;
    }
    false
}

fn termination(terminated: &Value) -> String {
    let (reason, signal) = (text(terminated, "/reason"), number(terminated, "/signal").unwrap_or(0));
    if !reason.is_empty() {
        reason.into()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", number(terminated, "/exitCode").unwrap_or(0))
    }
}

fn main_containers(pod: &Value, summary: &mut Summary) {
    let mut running = false;
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        summary.count_restarts(container);
        let waiting = text(container, "/state/waiting/reason");
        if !waiting.is_empty() {
            summary.reason = waiting.into();
        } else if let Some(terminated) = container.pointer("/state/terminated") {
            summary.reason = termination(terminated);
        } else if container.get("ready") == Some(&Value::Bool(true))
            && container.pointer("/state/running").is_some()
        {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        let ready = has_condition(pod, "Ready");
        summary.reason = if ready { "Running" } else { "NotReady" }.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(pod: &Value) -> (Value, Value, Value) {
        let cells = cells(pod, "2026-01-01T00:10:00Z".parse().unwrap());
        (cells[1].clone(), cells[2].clone(), cells[3].clone())
    }

    #[test]
    fn the_status_column_says_what_the_containers_do() {
        let container = json!([{"name": "c"}]);
        let pod = |status: Value| json!({"spec": {"containers": container.clone()}, "status": status});
        let creating = pod(json!({"phase": "Pending", "containerStatuses": [
            {"state": {"waiting": {"reason": "ContainerCreating"}}}]}));
        assert_eq!(status_of(&creating), (json!("0/1"), json!("ContainerCreating"), json!("0")));
        let restarted = pod(
            json!({"phase": "Running", "containerStatuses": [{"ready": true, "restartCount": 2,
            "state": {"running": {}}, "lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:00Z"}}}]}),
        );
        assert_eq!(status_of(&restarted), (json!("1/1"), json!("Running"), json!("2 (10m ago)")));
        let failed = pod(json!({"phase": "Failed", "containerStatuses": [
            {"state": {"terminated": {"exitCode": 3}}}]}));
        assert_eq!(status_of(&failed).1, "ExitCode:3");
        let mut going = restarted;
        going["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(status_of(&going).1, "Terminating");
    }

    #[test]
    fn init_containers_come_first() {
        let pod = json!({
            "spec": {"containers": [{}], "initContainers": [{}, {}]},
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"state": {"terminated": {"exitCode": 0}}}, {"state": {"running": {}}}]}
        });
        assert_eq!(status_of(&pod).1, "Init:1/2");
    }
}
