//! The job controller (batch/v1), after the behaviour of Kubernetes 1.31 and later.
//!
//! A job makes pods up to its parallelism, counts each of them exactly once through the finalizer
//! `batch.kubernetes.io/job-tracking`, waits between failures, and ends in two steps: a first condition says which
//! way it goes (`SuccessCriteriaMet`, `FailureTarget`), a second that nothing runs any more (`Complete`, `Failed`).
//! Not simulated: `backoffLimitPerIndex`, `successPolicy`; jobs with a foreign `managedBy` are left alone.

mod backoff;
mod conditions;
mod failure_policy;
mod indexes;
mod outcome;
mod plan;
mod pod_name;
mod pod_template;
mod reconciler;
mod tally;
mod tracking;
mod view;

pub(crate) use reconciler::JobReconciler;
pub(crate) use tracking::LostPods;

#[cfg(test)]
mod tests;
