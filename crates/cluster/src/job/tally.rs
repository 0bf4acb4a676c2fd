//! What the pods of a job add up to.
//!
//! Each pod is counted exactly once, whatever happens to it afterwards, in three steps that survive a crash
//! between any two of them: a finished pod's uid is written to `status.uncountedTerminatedPods`; then its
//! tracking finalizer is removed; then, once the cache shows no finalizer, the uid moves into the counter. An
//! Indexed job needs no uids for its successes: `completedIndexes` is a set.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::{JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;

use super::failure_policy::{self, Verdict};
use super::indexes;
use super::view::{self, JobView};

/// The pods of a job, sorted out.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Pods that work or will work, oldest first.
    pub(crate) active: Vec<Arc<Pod>>,
    /// How many of the active ones are ready.
    pub(crate) ready: i32,
    /// Pods that were told to end and have not.
    pub(crate) terminating: i32,
    /// Pods whose finalizer goes once the status is written.
    pub(crate) release: Vec<Arc<Pod>>,
    /// Successes: counted and uncounted, or completed indexes.
    pub(crate) succeeded: i32,
    /// Failures, counted and uncounted.
    pub(crate) failed: i32,
    /// The completed indexes of an Indexed job.
    pub(crate) completed: BTreeSet<i32>,
    /// What the pod failure policy says about a failure: the message of a rule that fails the job.
    pub(crate) policy_failure: Option<String>,
}

impl Tally {
    /// Sorts out the pods and brings the counters of `status` up to date.
    pub(crate) fn of(view: &JobView<'_>, status: &mut JobStatus) -> Self {
        let mut tally = Self::default();
        let mut uncounted = settle(view, status);
        let end = view.completions().unwrap_or(i32::MAX);
        if view.is_indexed() {
            tally.completed = indexes::parse(status.completed_indexes.as_deref().unwrap_or_default(), end);
        }
        let mut pods: Vec<&Arc<Pod>> = view.pods.iter().collect();
        pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone()));
        for pod in pods {
            tally.sort_out(view, pod, &mut uncounted, end);
        }
        if view.is_indexed() {
            status.succeeded = some_unless_zero(count(tally.completed.len()));
            status.completed_indexes =
                Some(indexes::format(&tally.completed)).filter(|text| !text.is_empty());
        }
        let lists = (uncounted.succeeded.as_deref(), uncounted.failed.as_deref());
        tally.succeeded = status.succeeded.unwrap_or(0) + count(lists.0.unwrap_or_default().len());
        tally.failed = status.failed.unwrap_or(0) + count(lists.1.unwrap_or_default().len());
        status.uncounted_terminated_pods = Some(uncounted);
        tally
    }

    fn sort_out(
        &mut self,
        view: &JobView<'_>,
        pod: &Arc<Pod>,
        uncounted: &mut UncountedTerminatedPods,
        end: i32,
    ) {
        let (is_succeeded, is_failed) = (view::phase(pod) == "Succeeded", has_failed(view, pod));
        if view::is_active(pod) {
            self.active.push(Arc::clone(pod));
            self.ready += i32::from(view::is_ready(pod));
        } else if !view::is_finished(pod) {
            self.terminating += 1;
        }
        if !view::is_tracked(pod) || !(is_succeeded || is_failed) {
            return;
        }
        self.release.push(Arc::clone(pod));
        if is_failed {
            self.count_failure(view, pod, uncounted);
        } else if view.is_indexed() {
            self.completed.extend(view::completion_index(pod).filter(|index| (0..end).contains(index)));
        } else {
            add(&mut uncounted.succeeded, view::uid(pod));
        }
    }

    fn count_failure(&mut self, view: &JobView<'_>, pod: &Arc<Pod>, uncounted: &mut UncountedTerminatedPods) {
        let policy = view.spec().and_then(|spec| spec.pod_failure_policy.as_ref());
        match policy.map_or(Verdict::Count, |policy| failure_policy::judge(policy, pod)) {
            Verdict::Ignore => return,
            Verdict::FailJob(message) => self.policy_failure = Some(message),
            Verdict::Count => {}
        }
        add(&mut uncounted.failed, view::uid(pod));
    }
}

/// Moves the uids whose pods have lost their finalizer into the counters; answers the others.
fn settle(view: &JobView<'_>, status: &mut JobStatus) -> UncountedTerminatedPods {
    let tracked: BTreeSet<&str> =
        view.pods.iter().filter(|pod| view::is_tracked(pod)).map(|pod| view::uid(pod)).collect();
    let before = status.uncounted_terminated_pods.take().unwrap_or_default();
    let split = |uids: Option<Vec<String>>, counter: &mut Option<i32>| {
        let (kept, settled): (Vec<_>, Vec<_>) =
            uids.unwrap_or_default().into_iter().partition(|uid| tracked.contains(uid.as_str()));
        if !settled.is_empty() {
            *counter = Some(counter.unwrap_or(0) + count(settled.len()));
        }
        (!kept.is_empty()).then_some(kept)
    };
    UncountedTerminatedPods {
        succeeded: split(before.succeeded, &mut status.succeeded),
        failed: split(before.failed, &mut status.failed),
    }
}

/// A pod that was deleted before it succeeded counts as failed, at once or (by policy) when it has ended. One that
/// no node ever had cannot end by itself.
fn has_failed(view: &JobView<'_>, pod: &Pod) -> bool {
    let was_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    match view::phase(pod) {
        "Failed" => true,
        "Succeeded" => false,
        _ => view::is_deleting(pod) && (!view.replaces_only_failed() || !was_bound),
    }
}

fn add(uids: &mut Option<Vec<String>>, uid: &str) {
    let uids = uids.get_or_insert_with(Vec::new);
    if !uids.iter().any(|known| known == uid) {
        uids.push(uid.to_owned());
    }
}

pub(crate) fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

pub(crate) fn some_unless_zero(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}
