//! What happens to a bucket.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::dependency::{BreakerOptions, CallError, Dependency};
use pilothouse::{
    Action, Context, Controller, EventType, Manager, ObjectExt, ObjectKey, ReconcileError, Reconciler,
    set_condition,
};

use crate::provider::Wish;
use crate::{Bucket, BucketStatus, Provider, ProviderError, State};

/// What keeps a Bucket until the provider has deleted its own.
pub const FINALIZER: &str = "example.pilothouse.dev/bucket";

/// How soon to ask again while the provider makes or deletes something.
const POLL: Duration = Duration::from_secs(5);

/// How soon to look again when all is well: nobody tells of changes outside.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// Keeps buckets at a provider.
#[derive(Clone, Debug)]
pub struct Buckets {
    provider: Provider,
    dependency: Dependency,
}

impl Reconciler for Buckets {
    type Object = Bucket;

    async fn reconcile(
        &self,
        bucket: Arc<Bucket>,
        context: &Context<Bucket>,
    ) -> Result<Action, ReconcileError> {
        if bucket.is_deleting() {
            return self.remove(&bucket, context).await;
        }
        let policy = policy_of(&bucket, context)?;
        // Before the first thing that has to be cleaned up.
        let bucket = context.add_finalizer(&bucket, FINALIZER).await?;
        let (name, wish) =
            (outside_name(&bucket), Wish { region: &bucket.spec.region, policy: policy.as_deref() });
        let put = self.call(context, self.provider.put(&name, &wish)).await;
        if let Err(error) = &put
            && !error.is_terminal()
        {
            // Trouble that passes is in metrics and logs. A status that told of it would be written for each bucket.
            return put.map(|_| Action::done());
        }
        let was_ready = is_ready(bucket.status.as_ref());
        let now = context.now();
        let bucket = context.update_status(&bucket, |status| observe(status, &bucket, &put, now)).await?;
        if is_ready(bucket.status.as_ref()) && !was_ready {
            context.event(&bucket, EventType::Normal, "Ready", format!("files can be put into {name}"));
        }
        Ok(Action::again_in(if put? == State::Ready { LOOK_AGAIN } else { POLL }))
    }
}

impl Buckets {
    async fn remove(&self, bucket: &Bucket, context: &Context<Bucket>) -> Result<Action, ReconcileError> {
        let state = self.call(context, self.provider.delete(&outside_name(bucket))).await?;
        if state != State::Gone {
            return Ok(Action::again_in(POLL));
        }
        context.remove_finalizer(bucket, FINALIZER).await?;
        Ok(Action::done())
    }

    /// Calls the provider, if it can bear it. What it refuses is given up; all else is tried again.
    async fn call(
        &self,
        context: &Context<Bucket>,
        call: impl Future<Output = Result<State, ProviderError>>,
    ) -> Result<State, ReconcileError> {
        match context.call_blaming(&self.dependency, ProviderError::is_trouble, call).await {
            Err(CallError::Failed { source: ProviderError::Refused { code, message }, .. }) => {
                Err(ReconcileError::terminal(code, message))
            }
            outcome => Ok(outcome?),
        }
    }
}

/// The operator, to be given a client and run.
pub fn operator(provider: Provider) -> Manager {
    let dependency = Dependency::named("bucket-provider")
        .at_most(4)
        .timeout(Duration::from_secs(10))
        .breaker(BreakerOptions { minimum_calls: 5, ..BreakerOptions::default() });
    let buckets = Controller::of::<Bucket>().reads::<ConfigMap>().workers(8);
    Manager::new("bucket-operator").controller(buckets, Buckets { provider, dependency })
}

/// What a Bucket is called at the provider. It follows from the object alone: whoever tries again after a crash finds
/// what was made before it, and a new Bucket of an old name gets one of its own.
#[must_use]
pub fn outside_name(bucket: &Bucket) -> String {
    format!("{}-{}", bucket.key().name, bucket.uid())
}

/// The policy that a bucket names. One that is not there yet is waited for.
fn policy_of(bucket: &Bucket, context: &Context<Bucket>) -> Result<Option<String>, ReconcileError> {
    let Some(name) = &bucket.spec.policy else { return Ok(None) };
    let key = ObjectKey::new(bucket.key().namespace, name.as_str());
    let map = context.lister::<ConfigMap>().get(&key)?;
    let policy = map.and_then(|map| map.data.as_ref()?.get("policy").cloned());
    let missing = || ReconcileError::wait_for::<ConfigMap>(key.clone(), format!("{key} has no policy"));
    policy.map(Some).ok_or_else(missing)
}

fn observe(status: &mut BucketStatus, bucket: &Bucket, put: &Result<State, ReconcileError>, now: Timestamp) {
    let generation = bucket.metadata.generation;
    let (ready, reason, message) = match put {
        Ok(State::Ready) => (true, "Ready", "files can be put into it".to_owned()),
        Ok(_) => (false, "Creating", "the provider is making it".to_owned()),
        Err(error) => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            (false, error.reason(), why.unwrap_or_default())
        }
    };
    status.observed_generation = generation;
    status.outside_name = Some(outside_name(bucket));
    set_condition(&mut status.conditions, "Ready", ready, (reason, &message), generation, now);
}

fn is_ready(status: Option<&BucketStatus>) -> bool {
    status.is_some_and(|status| {
        status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    })
}
