//! What a pod is going to do, from its annotations, its commands and defaults drawn from its uid.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::command::{self, RunLength};
use crate::hash::hash;

/// The annotations' common prefix.
pub(crate) const PREFIX: &str = "simulation.pilothouse.dev/";

/// The course of a pod's containers, in simulated time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) pull: Duration,
    pub(crate) image_error: Option<String>,
    /// From the request to stop to the exit.
    pub(crate) stop: Duration,
    /// Annotations that could not be read.
    pub(crate) problems: Vec<String>,
    run: Option<RunLength>,
    exit_code: Option<i32>,
    reason: Option<String>,
    fail_first_attempts: Option<u32>,
    seed: u64,
    runs_on: bool,
}

/// How one run of one container goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// `None` for ever.
    pub(crate) length: Option<Duration>,
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
}

impl Script {
    /// Reads the pod.
    pub(crate) fn of(pod: &Pod) -> Self {
        let mut problems = Vec::new();
        let run = read(pod, "run-seconds", &mut problems, |text| {
            if text == "forever" { Some(RunLength::Endless) } else { seconds(text).map(RunLength::For) }
        });
        let pull = read(pod, "pull-seconds", &mut problems, seconds);
        let stop = read(pod, "stop-seconds", &mut problems, seconds);
        let exit_code = read(pod, "exit-code", &mut problems, |text| text.parse::<u8>().ok());
        let fail_first_attempts = read(pod, "fail-first-attempts", &mut problems, |text| text.parse().ok());
        let seed = hash(pod.metadata.uid.as_deref().unwrap_or_default().as_bytes());
        let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
        Self {
            pull: pull.unwrap_or_else(|| drawn(seed, 500, 2000)),
            image_error: annotation(pod, "image-error").filter(|text| *text != "false").map(str::to_owned),
            stop: stop.unwrap_or(Duration::from_millis(500)),
            problems,
            run,
            exit_code: exit_code.map(i32::from),
            reason: annotation(pod, "reason").map(str::to_owned),
            fail_first_attempts,
            seed,
            runs_on: policy.unwrap_or("Always") == "Always",
        }
    }

    /// How `container` goes when `failures` runs of it, here and in earlier pods of its owner, have failed.
    pub(crate) fn run(&self, container: &Container, failures: u32) -> Run {
        let words = [container.command.as_deref(), container.args.as_deref()];
        let words: Vec<String> = words.into_iter().flatten().flatten().cloned().collect();
        let reading = command::read(&words);
        let default = (!self.runs_on).then(|| drawn(self.seed.rotate_left(17), 3000, 10_000));
        let length = match self.run {
            Some(RunLength::For(length)) => Some(length),
            Some(RunLength::Endless) => None,
            None if reading.is_complete => reading.run,
            None => reading.run.and_then(|known| default.map(|default| known + default)),
        };
        let exit_code = match self.fail_first_attempts {
            Some(attempts) if failures < attempts => self.failure_code(),
            Some(_) => 0,
            None if self.exit_code.is_some() || self.reason.is_some() => self.failure_code(),
            None => reading.exit_code,
        };
        let reason = match &self.reason {
            Some(reason) if exit_code != 0 => reason.clone(),
            _ => if exit_code == 0 { "Completed" } else { "Error" }.to_owned(),
        };
        Run { length, exit_code, reason }
    }

    fn failure_code(&self) -> i32 {
        self.exit_code.unwrap_or(match self.reason.as_deref() {
            Some("OOMKilled") => 137,
            Some("Completed") => 0,
            _ => 1,
        })
    }
}

fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{name}")).map(String::as_str)
}

fn read<T>(
    pod: &Pod,
    name: &str,
    problems: &mut Vec<String>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = annotation(pod, name)?;
    let value = parse(text);
    if value.is_none() {
        problems.push(format!("cannot read {PREFIX}{name}: {text:?}"));
    }
    value
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn drawn(seed: u64, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + (seed >> 16) % (most - least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(annotations: &serde_json::Value, policy: &str, command: &[&str]) -> Pod {
        let annotations = annotations.as_object().unwrap().iter();
        let annotations: serde_json::Map<_, _> =
            annotations.map(|(name, value)| (format!("{PREFIX}{name}"), value.clone())).collect();
        serde_json::from_value(json!({
            "metadata": {"uid": "a-uid", "annotations": annotations},
            "spec": {"restartPolicy": policy, "containers": [{"name": "main", "command": command}]},
        }))
        .unwrap()
    }

    fn run(pod: &Pod, failures: u32) -> (Option<f64>, i32, String) {
        let run = Script::of(pod).run(&pod.spec.as_ref().unwrap().containers[0], failures);
        (run.length.map(|length| length.as_secs_f64()), run.exit_code, run.reason)
    }

    #[test]
    fn annotations_decide_before_the_command() {
        let chosen = pod(&json!({"run-seconds": "2.5", "exit-code": "7"}), "Never", &["sleep", "60"]);
        assert_eq!(run(&chosen, 0), (Some(2.5), 7, "Error".into()));
        let oom = pod(&json!({"reason": "OOMKilled", "run-seconds": "1"}), "Never", &[]);
        assert_eq!(run(&oom, 3), (Some(1.0), 137, "OOMKilled".into()));
        let endless = pod(&json!({"run-seconds": "forever"}), "Never", &["true"]);
        assert_eq!(run(&endless, 0), (None, 0, "Completed".into()));
        assert_eq!(run(&pod(&json!({}), "Never", &["sleep", "60"]), 0), (Some(60.0), 0, "Completed".into()));
    }

    #[test]
    fn the_first_attempts_fail_and_later_ones_succeed() {
        let flaky = pod(&json!({"fail-first-attempts": "2", "run-seconds": "1"}), "Never", &[]);
        let codes: Vec<i32> = (0..4).map(|failures| run(&flaky, failures).1).collect();
        assert_eq!(codes, [1, 1, 0, 0]);
    }

    #[test]
    fn without_a_hint_the_uid_decides_and_services_run_on() {
        let unknown = pod(&json!({}), "Never", &["python", "train.py"]);
        assert_eq!(run(&unknown, 0), run(&unknown, 0));
        assert!((3.0..10.0).contains(&run(&unknown, 0).0.unwrap()));
        assert_eq!(run(&pod(&json!({}), "Always", &[]), 0).0, None);
    }

    #[test]
    fn unreadable_annotations_are_reported_and_left_out() {
        let wrong = pod(&json!({"run-seconds": "soon", "exit-code": "-1"}), "Never", &["sleep", "4"]);
        assert_eq!(run(&wrong, 0), (Some(4.0), 0, "Completed".into()));
        assert_eq!(Script::of(&wrong).problems.len(), 2);
    }
}
