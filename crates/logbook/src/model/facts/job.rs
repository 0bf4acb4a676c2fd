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

    /// The condition of this type, if it holds.
    #[must_use]
    pub fn holding(&self, condition: &str) -> Option<&Condition> {
        self.conditions.get(condition).filter(|condition| condition.holds)
    }
}
