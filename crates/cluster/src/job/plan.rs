//! The decision about a job: from the job, its pods and the time to a list of writes. No I/O.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;

use super::conditions::{self, COMPLETE, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET, SUSPENDED};
use super::outcome::{self, Outcome};
use super::tally::{Tally, count, some_unless_zero};
use super::view::{self, JobView};
use super::{backoff, pod_name};
use crate::pace::{stamp, until};

/// At most so many pods are made or removed in one pass.
const BURST: usize = 500;

/// What to write, in this order: creations, removals, status, releases, deletion of the job.
#[derive(Debug, Default)]
pub(crate) struct JobPlan {
    /// The status as it is once `create` and `remove` are done.
    pub(crate) status: JobStatus,
    pub(crate) create: Vec<NewPod>,
    pub(crate) remove: Vec<Removal>,
    /// Pods to take the tracking finalizer from, after the status is written.
    pub(crate) release: Vec<Arc<Pod>>,
    pub(crate) events: Vec<PlannedEvent>,
    pub(crate) wake_after: Option<Duration>,
    /// The job has outlived `ttlSecondsAfterFinished`.
    pub(crate) delete_job: bool,
}

/// A pod to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewPod {
    pub(crate) name: String,
    pub(crate) index: Option<i32>,
}

/// A pod to delete.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) pod: Arc<Pod>,
    /// Whether it is counted as failed; otherwise its finalizer goes first.
    pub(crate) is_counted: bool,
}

/// An Event about the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedEvent {
    pub(crate) is_warning: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// Decides what to do about a job now.
pub(crate) fn plan(view: &JobView<'_>) -> JobPlan {
    let mut status = view.job.status.clone().unwrap_or_default();
    if [COMPLETE, FAILED].iter().any(|kind| conditions::find_true(&status, kind).is_some()) {
        return after_finish(view, status);
    }
    let tally = Tally::of(view, &mut status);
    status.ready = Some(tally.ready);
    status.terminating = Some(tally.terminating);
    status.active = some_unless_zero(count(tally.active.len()));
    let mut plan = JobPlan { status, release: tally.release.clone(), ..JobPlan::default() };
    if view.job.metadata.deletion_timestamp.is_some() {
        plan.release = tracked(view);
        return plan;
    }
    plan.keep_start_time(view);
    match outcome::decide(view, &plan.status, &tally) {
        Some(outcome) => plan.finish(view, &tally, &outcome),
        None if view.is_suspended() => plan.suspend(view, &tally),
        None => plan.run(view, &tally),
    }
    plan
}

fn tracked(view: &JobView<'_>) -> Vec<Arc<Pod>> {
    view.pods.iter().filter(|pod| view::is_tracked(pod)).cloned().collect()
}

fn after_finish(view: &JobView<'_>, status: JobStatus) -> JobPlan {
    let ends = [COMPLETE, FAILED].into_iter().find_map(|kind| conditions::find_true(&status, kind));
    let finish = ends.and_then(|condition| condition.last_transition_time.as_ref()).map(|time| time.0);
    let left = finish.and_then(|finish| view.expiry(finish)).map(|expiry| until(expiry, view.now));
    let is_deleting = view.job.metadata.deletion_timestamp.is_some();
    JobPlan {
        release: tracked(view),
        wake_after: left.filter(|left| !left.is_zero() && !is_deleting),
        delete_job: left.is_some_and(|left| left.is_zero()) && !is_deleting,
        status,
        ..JobPlan::default()
    }
}

impl JobPlan {
    /// The clock starts with the first pass that is not suspended; suspending took an earlier start away.
    fn keep_start_time(&mut self, view: &JobView<'_>) {
        if view.is_suspended() {
            return;
        }
        if conditions::find_true(&self.status, SUSPENDED).is_some() {
            conditions::set(&mut self.status, (SUSPENDED, false), ("JobResumed", "Job resumed"), view.now);
            self.note(false, "Resumed", "Job resumed");
        }
        self.status.start_time.get_or_insert_with(|| stamp(view.now));
    }

    fn finish(&mut self, view: &JobView<'_>, tally: &Tally, outcome: &Outcome) {
        let (interim, end) =
            if outcome.is_failure { (FAILURE_TARGET, FAILED) } else { (SUCCESS_CRITERIA_MET, COMPLETE) };
        let because = (outcome.reason.as_str(), outcome.message.as_str());
        conditions::set(&mut self.status, (interim, true), because, view.now);
        self.remove(&tally.active, true);
        self.status.active = None;
        self.status.ready = Some(0);
        self.status.terminating = Some(tally.terminating + count(tally.active.len()));
        if !tally.active.is_empty() || tally.terminating > 0 || !tally.release.is_empty() {
            return;
        }
        self.status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
        conditions::set(&mut self.status, (end, true), because, view.now);
        if outcome.is_failure {
            self.note(true, &outcome.reason, &outcome.message);
        } else {
            self.status.completion_time = Some(stamp(view.now));
            self.note(false, "Completed", "Job completed");
        }
        self.wake_after = view.expiry(stamp(view.now).0).map(|expiry| until(expiry, view.now));
    }

    fn suspend(&mut self, view: &JobView<'_>, tally: &Tally) {
        self.remove(&tally.active, false);
        // The API allows a new start time only where there is none, once the job runs again.
        self.status.start_time = None;
        self.status.active = None;
        self.status.ready = Some(0);
        self.status.terminating = Some(tally.terminating + count(tally.active.len()));
        if conditions::find_true(&self.status, SUSPENDED).is_none() {
            let because = ("JobSuspended", "Job suspended");
            conditions::set(&mut self.status, (SUSPENDED, true), because, view.now);
            self.note(false, "Suspended", "Job suspended");
        }
    }

    fn run(&mut self, view: &JobView<'_>, tally: &Tally) {
        let deadline = self.status.start_time.as_ref().and_then(|start| view.deadline(start.0));
        self.wake_after = deadline.map(|deadline| until(deadline, view.now));
        let active = count(tally.active.len());
        let wanted = match view.completions() {
            Some(completions) => view.parallelism().min(completions - tally.succeeded).max(0),
            None if tally.succeeded > 0 => active.min(view.parallelism()),
            None => view.parallelism(),
        };
        let surplus = surplus(view, tally, wanted);
        let kept = active - count(surplus.len());
        self.remove(&surplus, false);
        self.status.active = some_unless_zero(kept);
        self.status.terminating = Some(tally.terminating + count(surplus.len()));
        let ready = surplus.iter().filter(|pod| view::is_ready(pod)).count();
        self.status.ready = Some(tally.ready - count(ready));
        let held = if view.replaces_only_failed() { tally.terminating + count(surplus.len()) } else { 0 };
        let missing = usize::try_from(wanted - kept - held).unwrap_or(0).min(BURST);
        if missing == 0 {
            return;
        }
        let pause = backoff::remaining(view);
        if !pause.is_zero() {
            self.wake_after = Some(self.wake_after.map_or(pause, |wake| wake.min(pause)));
            return;
        }
        self.create = new_pods(view, &self.status, tally, &surplus, missing);
        self.status.active = some_unless_zero(kept + count(self.create.len()));
    }

    fn remove(&mut self, pods: &[Arc<Pod>], is_counted: bool) {
        let pods = pods.iter().take(BURST);
        self.remove.extend(pods.map(|pod| Removal { pod: Arc::clone(pod), is_counted }));
    }

    fn note(&mut self, is_warning: bool, reason: &str, message: &str) {
        let event = PlannedEvent { is_warning, reason: reason.to_owned(), message: message.to_owned() };
        self.events.push(event);
    }
}

/// The active pods that are too many: those of an index that is done, taken twice or past the end first, then those
/// that are not ready, then the youngest.
fn surplus(view: &JobView<'_>, tally: &Tally, wanted: i32) -> Vec<Arc<Pod>> {
    let (mut useless, mut useful, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for pod in &tally.active {
        let is_useful = !view.is_indexed()
            || view::completion_index(pod).is_some_and(|index| {
                index < view.completions().unwrap_or(i32::MAX)
                    && !tally.completed.contains(&index)
                    && taken.insert(index)
            });
        if is_useful { useful.push(Arc::clone(pod)) } else { useless.push(Arc::clone(pod)) }
    }
    useful.sort_by_key(|pod| !view::is_ready(pod));
    let keep = usize::try_from(wanted).unwrap_or(0).min(useful.len());
    useless.extend(useful.drain(keep..).rev());
    useless
}

fn new_pods(
    view: &JobView<'_>,
    status: &JobStatus,
    tally: &Tally,
    surplus: &[Arc<Pod>],
    missing: usize,
) -> Vec<NewPod> {
    let stays = |pod: &&Arc<Pod>| !surplus.iter().any(|gone| Arc::ptr_eq(gone, pod));
    let busy: BTreeSet<i32> =
        tally.active.iter().filter(stays).filter_map(|pod| view::completion_index(pod)).collect();
    let indexes: Vec<Option<i32>> = if view.is_indexed() {
        let open = (0..view.completions().unwrap_or(0))
            .filter(|index| !tally.completed.contains(index) && !busy.contains(index));
        open.map(Some).take(missing).collect()
    } else {
        vec![None; missing]
    };
    let first = u64::try_from(i64::from(tally.succeeded) + i64::from(tally.failed)).unwrap_or(0);
    let mut names = pod_name::Names::new(view, status, first);
    indexes.into_iter().map(|index| NewPod { name: names.next(index), index }).collect()
}
