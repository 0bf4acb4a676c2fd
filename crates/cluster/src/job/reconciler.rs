//! Carries out the plan for a job.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use pilothouse::client::Propagation;
use pilothouse::controller::{Action, Context, EventType, ReconcileError, Reconciler};
use pilothouse::{ClientError, DeleteOptions, ObjectExt, ObjectKey};

use super::plan::{JobPlan, NewPod, Removal, plan};
use super::view::{self, JobView};
use super::{pod_template, tracking};
use crate::pace::{FineTimes, Pace};
use crate::status_write::replace_status;

/// The value of `managedBy` that means this controller.
const OWN_NAME: &str = "kubernetes.io/job-controller";

/// The job controller.
#[derive(Debug)]
pub(crate) struct JobReconciler {
    pace: Pace,
    times: FineTimes,
}

impl JobReconciler {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, times: FineTimes::default() }
    }

    fn decide(&self, job: &Job, context: &Context<Job>) -> Result<JobPlan, ReconcileError> {
        let lister = context.lister::<Pod>();
        let is_own = |pod: &Arc<Pod>| pod.controller().is_some_and(|owner| owner.uid == job.uid());
        let pods: Vec<Arc<Pod>> = lister.by_owner_uid(job.uid())?.into_iter().filter(is_own).collect();
        let namespace = Arc::clone(&context.key().namespace);
        let store = lister.informer().store().snapshot();
        let is_taken = |name: &str| store.get(&ObjectKey::new(Arc::clone(&namespace), name)).is_some();
        Ok(plan(&JobView {
            job,
            pods: &pods,
            now: context.now(),
            pace: self.pace,
            times: &self.times,
            is_taken: &is_taken,
        }))
    }
}

impl Reconciler for JobReconciler {
    type Object = Job;

    async fn reconcile(&self, job: Arc<Job>, context: &Context<Job>) -> Result<Action, ReconcileError> {
        let managed_by = job.spec.as_ref().and_then(|spec| spec.managed_by.as_deref());
        if managed_by.is_some_and(|manager| manager != OWN_NAME) {
            return Ok(Action::done());
        }
        self.times.bind(context.key(), job.uid());
        let plan = self.decide(&job, context)?;
        if plan.delete_job {
            let options = DeleteOptions::of_uid(job.uid()).with_propagation(Propagation::Foreground);
            context.delete(&*job, options).await?;
            return Ok(Action::done());
        }
        let mut status = plan.status;
        let created = create_all(&job, context, &plan.create, &mut status).await;
        let removed = remove_all(&job, context, &plan.remove).await;
        if !replace_status(context, &*job, status).await? {
            return Ok(Action::again_in(std::time::Duration::ZERO));
        }
        for event in &plan.events {
            let kind = if event.is_warning { EventType::Warning } else { EventType::Normal };
            context.event(&job, kind, &event.reason, event.message.clone());
        }
        let released = tracking::release_all(context, &plan.release).await;
        created.and(removed).and(released)?;
        Ok(plan.wake_after.map_or_else(Action::done, Action::again_in))
    }

    async fn deleted(&self, key: &ObjectKey, _: &Context<Job>) -> Result<Action, ReconcileError> {
        self.times.forget_key(key);
        Ok(Action::done())
    }
}

/// Makes the pods one after the other; those that could not be made are taken off the count of active ones.
async fn create_all(
    job: &Job,
    context: &Context<Job>,
    wanted: &[NewPod],
    status: &mut JobStatus,
) -> Result<(), ClientError> {
    for (made, new) in wanted.iter().enumerate() {
        let outcome = create(job, context, new).await;
        if let Err(error) = outcome {
            let missing = super::tally::count(wanted.len() - made);
            let active = status.active.unwrap_or(0) - missing;
            status.active = super::tally::some_unless_zero(active);
            context.event(job, EventType::Warning, "FailedCreate", format!("Error creating: {error}"));
            return Err(error);
        }
    }
    Ok(())
}

async fn create(job: &Job, context: &Context<Job>, new: &NewPod) -> Result<(), ClientError> {
    match context.create(pod_template::pod(job, new)).await {
        Ok(_) => {
            let message = format!("Created pod: {}", new.name);
            context.event(job, EventType::Normal, "SuccessfulCreate", message);
            Ok(())
        }
        Err(error) if error.is_already_exists() => {
            // The answer to an earlier creation was lost, or the cache has not seen it yet.
            let key = ObjectKey::new(Arc::clone(&context.key().namespace), new.name.as_str());
            let found: Pod = context.client().get(&key).await?;
            let is_own = found.controller().is_some_and(|owner| owner.uid == job.uid());
            if is_own { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

async fn remove_all(job: &Job, context: &Context<Job>, removals: &[Removal]) -> Result<(), ClientError> {
    for Removal { pod, is_counted } in removals {
        if !is_counted && view::is_tracked(pod) {
            tracking::release(context, pod).await?;
        }
        context.delete(&**pod, DeleteOptions::of_uid(pod.uid())).await?;
        let message = format!("Deleted pod: {}", pod.key().name);
        context.event(job, EventType::Normal, "SuccessfulDelete", message);
    }
    Ok(())
}
