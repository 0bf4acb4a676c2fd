//! Carries out what was decided about replica sets and deployments.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use pilothouse::controller::{Action, Context, EventType, ReconcileError, Reconciler};
use pilothouse::{DeleteOptions, Object, ObjectExt, Patch};
use serde_json::json;

use super::{deployment, replica_set};
use crate::pace::Pace;
use crate::status_write::replace_status;

/// The replica set controller.
#[derive(Debug)]
pub(crate) struct ReplicaSets {
    pub(crate) pace: Pace,
}

impl Reconciler for ReplicaSets {
    type Object = ReplicaSet;

    async fn reconcile(
        &self,
        set: Arc<ReplicaSet>,
        context: &Context<ReplicaSet>,
    ) -> Result<Action, ReconcileError> {
        let pods = controlled::<Pod, _>(context, set.uid())?;
        let plan = replica_set::plan(&set, &pods, context.now(), self.pace);
        for _ in 0..plan.create {
            let pod = context.create(replica_set::pod(&set)).await?;
            let message = format!("Created pod: {}", pod.key().name);
            context.event(&set, EventType::Normal, "SuccessfulCreate", message);
        }
        for pod in &plan.remove {
            context.delete(&**pod, DeleteOptions::of_uid(pod.uid())).await?;
            let message = format!("Deleted pod: {}", pod.key().name);
            context.event(&set, EventType::Normal, "SuccessfulDelete", message);
        }
        if !replace_status(context, &*set, plan.status).await? {
            return Ok(Action::again_in(Duration::ZERO));
        }
        Ok(plan.wake_after.map_or_else(Action::done, Action::again_in))
    }
}

/// The deployment controller.
#[derive(Debug)]
pub(crate) struct Deployments;

impl Reconciler for Deployments {
    type Object = Deployment;

    async fn reconcile(
        &self,
        deployment: Arc<Deployment>,
        context: &Context<Deployment>,
    ) -> Result<Action, ReconcileError> {
        let sets = controlled::<ReplicaSet, _>(context, deployment.uid())?;
        let plan = deployment::plan(&deployment, &sets, context.now());
        if let Some(set) = plan.create {
            let (name, replicas) = (set.key().name, set.spec.as_ref().and_then(|spec| spec.replicas));
            context.create(set).await?;
            let message = format!("Scaled up replica set {name} from 0 to {}", replicas.unwrap_or(0));
            context.event(&deployment, EventType::Normal, "ScalingReplicaSet", message);
        }
        for (set, replicas, revision) in &plan.change {
            let before = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let patch = Patch::Merge(json!({
                "metadata": {"uid": set.uid(), "annotations": {deployment::REVISION: revision.to_string()}},
                "spec": {"replicas": replicas},
            }));
            context.patch::<ReplicaSet>(&set.key(), &patch).await?;
            if before != *replicas {
                let way = if *replicas > before { "up" } else { "down" };
                let name = set.key().name;
                let message = format!("Scaled {way} replica set {name} from {before} to {replicas}");
                context.event(&deployment, EventType::Normal, "ScalingReplicaSet", message);
            }
        }
        for set in &plan.prune {
            context.delete(&**set, DeleteOptions::of_uid(set.uid())).await?;
        }
        let mut noted = Deployment::clone(&deployment);
        if let Some(revision) = plan.revision {
            let annotations = noted.metadata.annotations.get_or_insert_default();
            annotations.insert(deployment::REVISION.to_owned(), revision.to_string());
            if noted.status.as_ref() == Some(&plan.status) {
                let patch =
                    json!({"metadata": {"annotations": {deployment::REVISION: revision.to_string()}}});
                context.patch::<Deployment>(context.key(), &Patch::Merge(patch)).await?;
                return Ok(Action::done());
            }
        }
        // With the status goes the revision: written by itself it would count as a change of the deployment.
        if !replace_status(context, &noted, plan.status).await? {
            return Ok(Action::again_in(Duration::ZERO));
        }
        Ok(Action::done())
    }
}

/// The cached objects that the owner of this uid controls.
fn controlled<K: Object, T: Object>(context: &Context<T>, uid: &str) -> Result<Vec<Arc<K>>, ReconcileError> {
    let owned = context.lister::<K>().by_owner_uid(uid)?;
    let is_controlled = |object: &Arc<K>| object.controller().is_some_and(|owner| owner.uid == uid);
    Ok(owned.into_iter().filter(is_controlled).collect())
}
