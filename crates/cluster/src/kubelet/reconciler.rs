//! Carries out the steps of pods on nodes.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::Pod;
use pilothouse::controller::{Action, Context, EventType, ReconcileError, Reconciler};
use pilothouse::{DeleteOptions, ObjectExt, ObjectKey};

use super::lifecycle::{PodView, advance};
use super::script::Script;
use crate::pace::{FineTimes, Pace};
use crate::status_write::replace_status;

/// The annotation that tells the pods of an Indexed job apart.
const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The kubelets of all nodes.
#[derive(Debug)]
pub(crate) struct Kubelet {
    pace: Pace,
    times: FineTimes,
    /// Addresses of the nodes, by name.
    addresses: IndexMap<String, String>,
}

impl Kubelet {
    pub(crate) fn new(pace: Pace, addresses: IndexMap<String, String>) -> Self {
        Self { pace, times: FineTimes::default(), addresses }
    }
}

impl Reconciler for Kubelet {
    type Object = Pod;

    async fn reconcile(&self, pod: Arc<Pod>, context: &Context<Pod>) -> Result<Action, ReconcileError> {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let Some(node) = node else { return Ok(Action::done()) };
        self.times.bind(context.key(), pod.uid());
        let script = Script::of(&pod);
        let step = advance(&PodView {
            pod: &pod,
            script: &script,
            now: context.now(),
            pace: self.pace,
            times: &self.times,
            earlier_failures: earlier_failures(&pod, context)?,
            host_ip: self.addresses.get(node).map_or("10.0.0.1", String::as_str),
        });
        if let Some(status) = step.status
            && !replace_status(context, &*pod, status).await?
        {
            return Ok(Action::again_in(Duration::ZERO));
        }
        for note in step.events {
            let kind = if note.is_warning { EventType::Warning } else { EventType::Normal };
            context.event(&pod, kind, note.reason, note.message);
        }
        if step.delete {
            let options = DeleteOptions::of_uid(pod.uid()).with_grace_period(Duration::ZERO);
            context.delete(&*pod, options).await?;
        }
        Ok(step.wake_after.map_or_else(Action::done, Action::again_in))
    }

    async fn deleted(&self, key: &ObjectKey, _: &Context<Pod>) -> Result<Action, ReconcileError> {
        self.times.forget_key(key);
        Ok(Action::done())
    }
}

/// Failed pods of the same controller and index.
fn earlier_failures(pod: &Pod, context: &Context<Pod>) -> Result<u32, ReconcileError> {
    let Some(owner) = pod.controller() else { return Ok(0) };
    let index = |pod: &Pod| pod.metadata.annotations.as_ref()?.get(COMPLETION_INDEX).cloned();
    let failed = |other: &&Arc<Pod>| {
        let phase = other.status.as_ref().and_then(|status| status.phase.as_deref());
        other.uid() != pod.uid() && phase == Some("Failed") && index(other) == index(pod)
    };
    let siblings = context.lister::<Pod>().by_owner_uid(&owner.uid)?;
    Ok(u32::try_from(siblings.iter().filter(failed).count()).unwrap_or(u32::MAX))
}
