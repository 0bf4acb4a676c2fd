//! Taking the tracking finalizer off pods: counted ones, and those whose job is gone.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use pilothouse::controller::{Action, Context, ReconcileError, Reconciler};
use pilothouse::{ClientError, Object, ObjectExt, ObjectKey, Patch};
use serde_json::{Value, json};

use super::view::{self, TRACKING};

/// Takes the finalizer off all these pods. One that changed meanwhile does not keep the others; the first such error
/// is the answer.
pub(crate) async fn release_all<T: Object>(
    context: &Context<T>,
    pods: &[Arc<Pod>],
) -> Result<(), ClientError> {
    let mut outcome = Ok(());
    for pod in pods {
        outcome = outcome.and(release(context, pod).await);
    }
    outcome
}

/// Takes the finalizer off one pod, of just the version that was decided about.
pub(crate) async fn release<T: Object>(context: &Context<T>, pod: &Pod) -> Result<(), ClientError> {
    let finalizers = pod.metadata.finalizers.as_deref().unwrap_or_default();
    let kept: Vec<&String> = finalizers.iter().filter(|name| *name != TRACKING).collect();
    let patch = Patch::Merge(json!({"metadata": {
        "uid": pod.uid(),
        "resourceVersion": pod.resource_version().to_string(),
        "finalizers": if kept.is_empty() { Value::Null } else { json!(kept) },
    }}));
    match context.patch::<Pod>(&pod.key(), &patch).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Lets pods go whose job does not exist any more.
#[derive(Debug)]
pub(crate) struct LostPods;

impl Reconciler for LostPods {
    type Object = Pod;

    async fn reconcile(&self, pod: Arc<Pod>, context: &Context<Pod>) -> Result<Action, ReconcileError> {
        if !view::is_tracked(&pod) {
            return Ok(Action::done());
        }
        if let Some(owner) = pod.controller().filter(|owner| owner.kind == "Job") {
            let key = ObjectKey::new(Arc::clone(&context.key().namespace), owner.name.as_str());
            let cached = context.lister::<Job>().get(&key)?;
            if cached.is_some_and(|job| job.uid() == owner.uid) {
                return Ok(Action::done());
            }
            match context.client().get::<Job>(&key).await {
                Ok(job) if job.uid() == owner.uid => return Ok(Action::done()),
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        release(context, &pod).await?;
        Ok(Action::done())
    }
}
