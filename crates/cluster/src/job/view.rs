//! What the decision about a job looks at.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::Pod;

use crate::pace::{FineTimes, Pace, after};

/// The finalizer that keeps a pod of a job until it is counted.
pub(crate) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// Annotation and label with the completion index of a pod of an Indexed job.
pub(crate) const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// A job, its pods and the time: all that the decision depends on.
pub(crate) struct JobView<'a> {
    pub(crate) job: &'a Job,
    /// Every pod that the job controls, as the cache has them.
    pub(crate) pods: &'a [Arc<Pod>],
    pub(crate) now: Timestamp,
    pub(crate) pace: Pace,
    pub(crate) times: &'a FineTimes,
    /// Whether a pod of this name exists in the namespace, whoever owns it.
    pub(crate) is_taken: &'a dyn Fn(&str) -> bool,
}

impl JobView<'_> {
    pub(crate) fn spec(&self) -> Option<&JobSpec> {
        self.job.spec.as_ref()
    }

    pub(crate) fn uid(&self) -> &str {
        self.job.metadata.uid.as_deref().unwrap_or_default()
    }

    pub(crate) fn parallelism(&self) -> i32 {
        self.spec().and_then(|spec| spec.parallelism).unwrap_or(1).max(0)
    }

    /// `None` for a work queue; where neither field is set, the API server defaults to one of each.
    pub(crate) fn completions(&self) -> Option<i32> {
        let spec = self.spec()?;
        match (spec.completions, spec.parallelism) {
            (None, None) => Some(1),
            (completions, _) => completions.map(|count| count.max(0)),
        }
    }

    pub(crate) fn is_indexed(&self) -> bool {
        self.spec().and_then(|spec| spec.completion_mode.as_deref()) == Some("Indexed")
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.spec().and_then(|spec| spec.suspend).unwrap_or(false)
    }

    pub(crate) fn backoff_limit(&self) -> i32 {
        self.spec().and_then(|spec| spec.backoff_limit).unwrap_or(6)
    }

    /// Whether pods that terminate are replaced only once they have failed (`podReplacementPolicy: Failed`).
    pub(crate) fn replaces_only_failed(&self) -> bool {
        let spec = self.spec();
        let policy = spec.and_then(|spec| spec.pod_replacement_policy.as_deref());
        policy.map_or(spec.is_some_and(|spec| spec.pod_failure_policy.is_some()), |policy| policy == "Failed")
    }

    pub(crate) fn restarts_in_place(&self) -> bool {
        let template = self.spec().and_then(|spec| spec.template.spec.as_ref());
        template.and_then(|spec| spec.restart_policy.as_deref()) == Some("OnFailure")
    }

    /// When `activeDeadlineSeconds` ends, for a job that started at the time stamp `start`.
    pub(crate) fn deadline(&self, start: Timestamp) -> Option<Timestamp> {
        let seconds = self.spec()?.active_deadline_seconds?;
        let start = self.times.resolve(self.uid(), "start", start, self.now);
        Some(after(start, self.pace.real_seconds(seconds)))
    }

    /// When `ttlSecondsAfterFinished` ends, for a job that finished at the time stamp `finish`.
    pub(crate) fn expiry(&self, finish: Timestamp) -> Option<Timestamp> {
        let seconds = self.spec()?.ttl_seconds_after_finished?;
        let finish = self.times.resolve(self.uid(), "finish", finish, self.now);
        Some(after(finish, self.pace.real_seconds(seconds.into())))
    }

    /// When the pod's last container ended, as far as its status says.
    pub(crate) fn finished_at(&self, pod: &Pod) -> Timestamp {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
        let ends = statuses.unwrap_or_default().iter().filter_map(|status| {
            status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref().map(|time| time.0)
        });
        let coarse = ends.max().unwrap_or(self.now);
        self.times.resolve(uid(pod), "finish", coarse, self.now)
    }

    pub(crate) fn scaled(&self, simulated: Duration) -> Duration {
        self.pace.real(simulated)
    }
}

pub(crate) fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

pub(crate) fn is_deleting(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

pub(crate) fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !is_deleting(pod)
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

pub(crate) fn is_tracked(pod: &Pod) -> bool {
    pod.metadata.finalizers.as_deref().unwrap_or_default().iter().any(|name| name == TRACKING)
}

/// The completion index that the pod carries, where it carries one.
pub(crate) fn completion_index(pod: &Pod) -> Option<i32> {
    pod.metadata.annotations.as_ref()?.get(COMPLETION_INDEX)?.parse().ok()
}
