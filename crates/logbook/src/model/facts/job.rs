//! The facts of a `batch/v1` Job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{items, number, text, time};

/// One condition of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Whether its status is `True`.
    pub holds: bool,
    /// Its reason.
    pub reason: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// Its `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// What a Job says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobFacts {
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deletion_requested_at: Option<Timestamp>,
    /// `spec.suspend`.
    pub suspended: bool,
    /// The Kueue queue it was submitted to (label `kueue.x-k8s.io/queue-name`).
    pub queue: Option<String>,
    /// `spec.parallelism`.
    pub parallelism: Option<i64>,
    /// `spec.completions`.
    pub completions: Option<i64>,
    /// `status.startTime`.
    pub start_time: Option<Timestamp>,
    /// `status.completionTime`.
    pub completion_time: Option<Timestamp>,
    /// `status.active`: pods pending or running.
    pub active: i64,
    /// `status.ready`.
    pub ready: i64,
    /// `status.succeeded`.
    pub succeeded: i64,
    /// `status.failed`.
    pub failed: i64,
    /// `status.terminating`.
    pub terminating: i64,
    /// Pods in `status.uncountedTerminatedPods`: ended, but not yet in `succeeded` or `failed`.
    pub uncounted: i64,
    /// `status.conditions` by type.
    pub conditions: BTreeMap<String, Condition>,
}

impl JobFacts {
    /// Reads the facts of a Job.
    #[must_use]
    pub fn of(job: &Value) -> Self {
        let count = |pointer| number(job, pointer).unwrap_or(0);
        let conditions = items(job, "/status/conditions")
            .filter_map(|condition| Some((text(condition, "/type")?, Self::condition(condition))))
            .collect();
        Self {
            created_at: time(job, "/metadata/creationTimestamp"),
            deletion_requested_at: time(job, "/metadata/deletionTimestamp"),
            suspended: job.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false),
            queue: text(job, "/metadata/labels/kueue.x-k8s.io~1queue-name"),
            parallelism: number(job, "/spec/parallelism"),
            completions: number(job, "/spec/completions"),
            start_time: time(job, "/status/startTime"),
            completion_time: time(job, "/status/completionTime"),
            active: count("/status/active"),
            ready: count("/status/ready"),
            succeeded: count("/status/succeeded"),
            failed: count("/status/failed"),
            terminating: count("/status/terminating"),
            uncounted: ["succeeded", "failed"]
                .iter()
                .map(|list| items(job, &format!("/status/uncountedTerminatedPods/{list}")).count())
                .map(|uncounted| i64::try_from(uncounted).unwrap_or(i64::MAX))
                .sum(),
            conditions,
        }
    }

    fn condition(condition: &Value) -> Condition {
        Condition {
            holds: condition.get("status").and_then(Value::as_str) == Some("True"),
            reason: text(condition, "/reason"),
            message: text(condition, "/message"),
            since: time(condition, "/lastTransitionTime"),
        }
    }

    /// Whether its success would prove that a pod ran: always, except for a job that wants none.
    #[must_use]
    pub fn needs_pods(&self) -> bool {
        self.completions != Some(0)
    }

    /// How many of its pods must have ended, as far as its status says: the fate may be on record before the pods
    /// that decided it are counted.
    #[must_use]
    pub fn ended_pods(&self) -> i64 {
        let succeeds = self.holding("Complete").or_else(|| self.holding("SuccessCriteriaMet")).is_some();
        let fails = self.holding("Failed").or_else(|| self.holding("FailureTarget"));
        let by_pods = fails.is_some_and(|fate| fate.reason.as_deref() != Some("DeadlineExceeded"));
        let counted = self.succeeded + self.failed + self.uncounted;
        if by_pods || (succeeds && self.needs_pods()) { counted.max(1) } else { counted }
    }

    /// The condition of this type, if it holds.
    #[must_use]
    pub fn holding(&self, condition: &str) -> Option<&Condition> {
        self.conditions.get(condition).filter(|condition| condition.holds)
    }
}
