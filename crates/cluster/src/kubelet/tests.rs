//! The decisions of this module, one course of events each.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde_json::{Value, json};

use super::lifecycle::{PodView, Step, advance};
use super::script::{PREFIX, Script};
use crate::pace::{FineTimes, Pace, stamp};

struct Node {
    pod: Pod,
    now: Timestamp,
    times: FineTimes,
    speed: f64,
    earlier_failures: u32,
}

impl Node {
    fn with(policy: &str, annotations: &[(&str, &str)], command: &Value) -> Self {
        let annotations: serde_json::Map<_, _> =
            annotations.iter().map(|(name, text)| (format!("{PREFIX}{name}"), json!(text))).collect();
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "train", "namespace": "default", "uid": "u", "annotations": annotations},
            "spec": {"nodeName": "n", "restartPolicy": policy,
                     "containers": [{"name": "main", "image": "busybox", "command": command}]},
        }))
        .unwrap();
        let now = "2026-01-01T00:00:00.25Z".parse().unwrap();
        Self { pod, now, times: FineTimes::default(), speed: 1.0, earlier_failures: 0 }
    }

    /// One look, with its effects.
    fn look(&mut self) -> Step {
        let script = Script::of(&self.pod);
        let step = advance(&PodView {
            pod: &self.pod,
            script: &script,
            now: self.now,
            pace: Pace::new(self.speed),
            times: &self.times,
            earlier_failures: self.earlier_failures,
            host_ip: "10.0.0.1",
        });
        if let Some(status) = &step.status {
            assert_ne!(self.pod.status.as_ref(), Some(status), "writes only differences");
            let mut status = status.clone();
            for container in status.container_statuses.iter_mut().flatten() {
                // As an API server does.
                container.last_state.get_or_insert_default();
            }
            self.pod.status = Some(status);
        }
        step
    }

    /// Looks until nothing changes; then goes to the next moment. Answers how long that was.
    fn wait(&mut self) -> Option<Duration> {
        for _ in 0..10 {
            let step = self.look();
            if step.status.is_none() {
                self.now += SignedDuration::try_from(step.wake_after?).unwrap();
                return step.wake_after;
            }
        }
        panic!("the status never comes to rest");
    }

    fn main(&self) -> ContainerStatus {
        self.pod.status.clone().unwrap().container_statuses.unwrap().remove(0)
    }

    fn phase(&self) -> String {
        self.pod.status.clone().unwrap().phase.unwrap()
    }

    fn state(&self) -> String {
        let state = self.main().state.unwrap();
        let waiting = state.waiting.map(|waiting| waiting.reason.unwrap());
        let ended = state.terminated.map(|end| format!("{} {}", end.reason.unwrap(), end.exit_code));
        waiting.or(ended).unwrap_or_else(|| "running".to_owned())
    }

    fn delete(&mut self, grace: i64) {
        let deadline = self.now + SignedDuration::from_secs(grace);
        self.pod.metadata.deletion_timestamp = Some(stamp(deadline));
        self.pod.metadata.deletion_grace_period_seconds = Some(grace);
    }
}

#[test]
fn a_pod_is_created_runs_and_succeeds_at_its_own_pace() {
    let mut node = Node::with("Never", &[("pull-seconds", "2"), ("run-seconds", "5")], &json!(null));
    node.look();
    assert_eq!((node.phase().as_str(), node.state().as_str()), ("Pending", "ContainerCreating"));
    assert_eq!(node.wait().unwrap().as_millis(), 2000);
    node.look();
    assert_eq!(
        (node.phase().as_str(), node.state().as_str(), node.main().ready),
        ("Running", "running", true)
    );
    assert_eq!(node.wait().unwrap().as_millis(), 5000);
    node.look();
    assert_eq!((node.phase().as_str(), node.state().as_str()), ("Succeeded", "Completed 0"));
    assert!(node.wait().is_none());
}

#[test]
fn speed_divides_every_duration_even_below_a_second() {
    let mut node = Node::with("Never", &[("pull-seconds", "2"), ("run-seconds", "10")], &json!(null));
    node.speed = 20.0;
    node.look();
    assert_eq!(node.wait().unwrap().as_millis(), 100);
    assert_eq!(node.wait().unwrap().as_millis(), 500);
    node.look();
    assert_eq!(node.phase(), "Succeeded");
}

#[test]
fn a_failing_container_is_restarted_in_place_with_growing_pauses() {
    let annotations = [("pull-seconds", "0"), ("run-seconds", "1"), ("fail-first-attempts", "3")];
    let mut node = Node::with("OnFailure", &annotations, &json!(null));
    let (mut pauses, mut states) = (Vec::new(), Vec::new());
    while let Some(pause) = node.wait() {
        pauses.push(pause.as_secs());
        states.push(node.state());
    }
    let waits =
        ["running", "Error 1", "running", "CrashLoopBackOff", "running", "CrashLoopBackOff", "running"];
    assert_eq!(states, waits);
    assert_eq!(pauses[3], 10);
    assert_eq!(pauses[5], 20);
    assert_eq!((node.phase().as_str(), node.main().restart_count), ("Succeeded", 3));
    assert_eq!(node.main().last_state.unwrap().terminated.unwrap().exit_code, 1);
}

#[test]
fn a_pod_that_may_not_restart_fails_with_the_code_and_reason_asked_for() {
    let mut node = Node::with("Never", &[("reason", "OOMKilled"), ("run-seconds", "1")], &json!(null));
    while node.wait().is_some() {}
    assert_eq!((node.phase().as_str(), node.state().as_str()), ("Failed", "OOMKilled 137"));
    let mut node = Node::with("Never", &[], &json!(["sh", "-c", "sleep 1; exit 3"]));
    while node.wait().is_some() {}
    assert_eq!((node.phase().as_str(), node.state().as_str()), ("Failed", "Error 3"));
}

#[test]
fn earlier_failures_of_the_owner_count_as_attempts() {
    for (earlier_failures, phase) in [(0, "Failed"), (1, "Failed"), (2, "Succeeded")] {
        let mut node = Node::with("Never", &[("fail-first-attempts", "2")], &json!(null));
        node.earlier_failures = earlier_failures;
        while node.wait().is_some() {}
        assert_eq!(node.phase(), phase, "{earlier_failures}");
    }
}

#[test]
fn an_image_that_cannot_be_pulled_keeps_the_pod_pending_until_it_can() {
    let mut node = Node::with("Never", &[("image-error", "true")], &json!(["true"]));
    let mut states = Vec::new();
    while node.wait().is_some() {
        states.push(node.state());
    }
    assert_eq!(states, ["ContainerCreating", "ErrImagePull"]);
    assert_eq!((node.phase().as_str(), node.state().as_str()), ("Pending", "ImagePullBackOff"));
    node.pod.metadata.annotations = None;
    while node.wait().is_some() {}
    assert_eq!(node.phase(), "Succeeded");
}

#[test]
fn a_deleted_pod_ends_within_its_grace_period_or_is_killed_and_then_goes() {
    for (stop, grace, expected, millis) in [("2", 30, "Error 143", 2000), ("60", 5, "Error 137", 5000)] {
        let mut node = Node::with("Always", &[("stop-seconds", stop), ("pull-seconds", "0")], &json!(null));
        node.wait();
        node.look();
        assert_eq!(node.phase(), "Running");
        node.delete(grace);
        assert_eq!(node.wait().unwrap().as_millis(), millis);
        assert!(!node.look().delete);
        assert_eq!((node.phase().as_str(), node.state().as_str()), ("Failed", expected));
        assert!(node.look().delete, "now it may go");
        node.pod.metadata.deletion_grace_period_seconds = Some(0);
        assert!(!node.look().delete, "once is enough while a finalizer holds it");
    }
}

#[test]
fn a_pod_that_never_started_is_deleted_without_waiting() {
    let mut node = Node::with("Never", &[("pull-seconds", "100")], &json!(null));
    node.look();
    node.delete(30);
    node.look();
    assert_eq!(node.phase(), "Failed");
    assert!(node.look().delete);
}

#[test]
fn init_containers_run_in_turn_and_sidecars_end_with_the_pod() {
    let mut node = Node::with("Never", &[("pull-seconds", "1")], &json!(["sleep", "4"]));
    node.pod.spec.as_mut().unwrap().init_containers = serde_json::from_value(json!([
        {"name": "fetch", "image": "busybox", "command": ["sleep", "3"]},
        {"name": "proxy", "image": "envoy", "restartPolicy": "Always"},
    ]))
    .unwrap();
    let mut states = Vec::new();
    while node.wait().is_some() {
        states.push(node.state());
    }
    assert_eq!(states, ["PodInitializing", "PodInitializing", "running"]);
    let inits = node.pod.status.clone().unwrap().init_container_statuses.unwrap();
    assert!(inits.iter().all(|status| status.state.clone().unwrap().terminated.is_some()));
    assert_eq!(node.phase(), "Succeeded");
}

#[test]
fn a_pod_past_its_own_deadline_fails() {
    let mut node = Node::with("Never", &[("run-seconds", "forever"), ("pull-seconds", "1")], &json!(null));
    node.pod.spec.as_mut().unwrap().active_deadline_seconds = Some(10);
    while node.wait().is_some() {}
    assert_eq!(node.phase(), "Failed");
    assert_eq!(node.pod.status.unwrap().reason.as_deref(), Some("DeadlineExceeded"));
}
