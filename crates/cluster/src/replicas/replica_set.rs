//! The decision about a replica set. No I/O.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::pace::{Pace, after, until};

/// At most so many pods are made or removed in one pass.
const BURST: usize = 500;

/// What to write.
#[derive(Debug, Default)]
pub(crate) struct ReplicaSetPlan {
    pub(crate) create: usize,
    pub(crate) remove: Vec<Arc<Pod>>,
    pub(crate) status: ReplicaSetStatus,
    pub(crate) wake_after: Option<Duration>,
}

/// Decides about a replica set and the pods that it controls.
pub(crate) fn plan(set: &ReplicaSet, pods: &[Arc<Pod>], now: Timestamp, pace: Pace) -> ReplicaSetPlan {
    let mut active: Vec<&Arc<Pod>> = pods.iter().filter(|pod| is_active(pod)).collect();
    let spec = set.spec.as_ref();
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    let settling = pace.real_seconds(spec.and_then(|spec| spec.min_ready_seconds).unwrap_or(0).into());
    let ready: Vec<Timestamp> = active.iter().filter_map(|pod| ready_since(pod)).collect();
    let available_at = ready.iter().map(|since| after(*since, settling));
    let (available, waiting): (Vec<_>, Vec<_>) = available_at.partition(|moment| *moment <= now);
    let terminating = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_some()).count();
    let mut plan = ReplicaSetPlan {
        status: ReplicaSetStatus {
            replicas: count(active.len()),
            fully_labeled_replicas: nonzero(active.len()),
            ready_replicas: nonzero(ready.len()),
            available_replicas: nonzero(available.len()),
            terminating_replicas: nonzero(terminating),
            observed_generation: set.metadata.generation,
            conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
        },
        wake_after: waiting.into_iter().min().map(|moment| until(moment, now)),
        ..ReplicaSetPlan::default()
    };
    if set.metadata.deletion_timestamp.is_none() {
        plan.create = wanted.saturating_sub(active.len()).min(BURST);
        // Those without a node first, then the unready, then the youngest.
        active.sort_by_key(|pod| {
            let is_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
            let age = std::cmp::Reverse(pod.metadata.creation_timestamp.clone());
            (is_bound, ready_since(pod).is_some(), age, pod.metadata.name.clone())
        });
        let surplus = active.len().saturating_sub(wanted).min(BURST);
        plan.remove = active.into_iter().take(surplus).cloned().collect();
    }
    plan
}

/// A pod for the set, to be named by the server.
pub(crate) fn pod(set: &ReplicaSet) -> Pod {
    let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let from = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", set.metadata.name.as_deref().unwrap_or_default())),
            namespace: set.metadata.namespace.clone(),
            labels: from.labels,
            annotations: from.annotations,
            finalizers: from.finalizers,
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

fn is_active(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|one| one.type_ == "Ready" && one.status == "True")?;
    Some(ready.last_transition_time.as_ref().map_or(Timestamp::MIN, |time| time.0))
}

pub(crate) fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn nonzero(length: usize) -> Option<i32> {
    (length != 0).then(|| count(length))
}
