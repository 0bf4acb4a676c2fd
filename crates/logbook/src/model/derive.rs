//! Which state a job's facts amount to: the first rule that matches.

use jiff::Timestamp;

use super::JobState;
use super::facts::{Cause, Condition, JobFacts, PodFacts};

/// Whether the job's object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Present,
    /// Its deletion was seen.
    Deleted,
    /// It was missing from a complete list; its deletion was not seen.
    Absent,
}

/// A time with the field it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The time.
    pub at: Timestamp,
    /// The field, as `job.status.completionTime`.
    pub source: &'static str,
}

/// What the facts amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The state.
    pub state: JobState,
    /// Why, where the facts say.
    pub cause: Cause,
    /// Since when, where the facts say.
    pub effective: Option<Effective>,
}

/// Derives a job's state from its own facts and those of its pods, given the state it was in.
///
/// `None` means that the facts speak for no other state: between two pods, say, or when pods have ended that the
/// job's status does not count yet. The order of the rules: the end, deletion, the fate, suspension, then what the
/// pods do, then what the counters say.
#[must_use]
pub fn derive(
    job: &JobFacts,
    pods: &[PodFacts],
    presence: Presence,
    previous: Option<JobState>,
) -> Option<Derived> {
    ended(job)
        .or_else(|| deleted(job, presence, previous))
        .or_else(|| fate(job))
        .or_else(|| suspended(job))
        .or_else(|| from_pods(job, pods, previous))
        .or_else(|| from_counters(job, pods, previous))
}

pub(super) fn at(at: Option<Timestamp>, source: &'static str) -> Option<Effective> {
    at.map(|at| Effective { at, source })
}

fn because(reason: &str, message: &str) -> Cause {
    Cause { reason: Some(reason.to_owned()), message: Some(message.to_owned()) }
}

fn says(state: JobState, condition: &Condition, effective: Option<Effective>) -> Derived {
    let cause = Cause { reason: condition.reason.clone(), message: condition.message.clone() };
    Derived { state, cause, effective }
}

fn ended(job: &JobFacts) -> Option<Derived> {
    if let Some(complete) = job.holding("Complete") {
        let effective = at(job.completion_time, "job.status.completionTime")
            .or_else(|| at(complete.since, "job.status.conditions[Complete]"));
        return Some(says(JobState::Succeeded, complete, effective));
    }
    let failed = job.holding("Failed")?;
    Some(says(JobState::Failed, failed, at(failed.since, "job.status.conditions[Failed]")))
}

fn deleted(job: &JobFacts, presence: Presence, previous: Option<JobState>) -> Option<Derived> {
    let requested = job.deletion_requested_at.is_some() || previous == Some(JobState::Cancelling);
    let (state, cause, effective) = match presence {
        Presence::Deleted => (JobState::Cancelled, because("Deleted", "deleted before it ended"), None),
        Presence::Absent if requested => (
            JobState::Cancelled,
            because("Deleted", "deleted before it ended; its last moments were not seen"),
            None,
        ),
        Presence::Absent => {
            (JobState::Lost, because("EndedUnobserved", "gone, and its end was not seen"), None)
        }
        Presence::Present => {
            let effective = at(job.deletion_requested_at, "job.metadata.deletionTimestamp");
            effective?;
            (JobState::Cancelling, because("Deleted", "is being deleted before it ended"), effective)
        }
    };
    Some(Derived { state, cause, effective })
}

fn fate(job: &JobFacts) -> Option<Derived> {
    if let Some(target) = job.holding("FailureTarget") {
        let effective = at(target.since, "job.status.conditions[FailureTarget]");
        return Some(says(JobState::Failing, target, effective));
    }
    let met = job.holding("SuccessCriteriaMet")?;
    Some(says(JobState::Succeeding, met, at(met.since, "job.status.conditions[SuccessCriteriaMet]")))
}

fn suspended(job: &JobFacts) -> Option<Derived> {
    if !job.suspended {
        return None;
    }
    let condition = job.holding("Suspended");
    let effective = at(condition.and_then(|found| found.since), "job.status.conditions[Suspended]");
    let message = condition.and_then(|found| found.message.clone());
    let (state, reason) = match (&job.queue, job.active + job.terminating) {
        (_, 1..) => (JobState::Suspending, "Suspended"),
        (Some(_), _) => (JobState::Queued, "WaitingInQueue"),
        (None, _) => (JobState::Suspended, "Suspended"),
    };
    Some(Derived { state, cause: Cause { reason: Some(reason.to_owned()), message }, effective })
}

fn from_pods(job: &JobFacts, pods: &[PodFacts], previous: Option<JobState>) -> Option<Derived> {
    let live = || pods.iter().filter(|pod| pod.is_live());
    if live().any(PodFacts::is_running) {
        let since = live().filter(|pod| pod.is_running()).filter_map(PodFacts::started_at).min();
        let effective = at(since, "pod.status.containerStatuses");
        return Some(Derived { state: JobState::Running, cause: Cause::default(), effective });
    }
    live().next()?;
    if previous == Some(JobState::Running) && is_between_pods(job, pods) {
        return None;
    }
    if live().any(PodFacts::is_bound) {
        let worst = live().filter(|pod| pod.is_bound()).max_by_key(|pod| pod.is_in_trouble());
        let since = live().filter_map(|pod| pod.scheduled_at).min();
        return Some(Derived {
            state: JobState::Starting,
            cause: worst.map(PodFacts::worst_cause).unwrap_or_default(),
            effective: at(since, "pod.status.conditions[PodScheduled]"),
        });
    }
    let gated = live().all(PodFacts::is_gated);
    let state = if gated { JobState::Queued } else { JobState::Pending };
    let worst = live().max_by_key(|pod| pod.is_in_trouble());
    let effective = at(live().filter_map(|pod| pod.created_at).min(), "pod.metadata.creationTimestamp");
    Some(Derived { state, cause: worst.map(PodFacts::worst_cause).unwrap_or_default(), effective })
}

/// Whether the pod that ended last did well and the next ones only get ready: a job of several completions keeps
/// running from one pod to the next.
fn is_between_pods(job: &JobFacts, pods: &[PodFacts]) -> bool {
    let last = pods.iter().filter(|pod| pod.is_finished()).max_by_key(|pod| (pod.ended_at(), pod.created_at));
    let went_well = last.map_or(job.succeeded > 0, |pod| pod.phase == "Succeeded");
    went_well && !pods.iter().any(PodFacts::is_in_trouble)
}

fn from_counters(job: &JobFacts, pods: &[PodFacts], previous: Option<JobState>) -> Option<Derived> {
    if job.active > 0 {
        // Pods exist that the pod stream has not shown yet.
        let before = previous.is_none_or(|state| {
            matches!(state, JobState::Submitted | JobState::Suspended | JobState::Queued)
        });
        let effective = at(job.start_time, "job.status.startTime");
        return before.then(|| Derived { state: JobState::Pending, cause: Cause::default(), effective });
    }
    let ended_in =
        |phase| i64::try_from(pods.iter().filter(|pod| pod.phase == phase).count()).unwrap_or(i64::MAX);
    let counted = ended_in("Failed") <= job.failed && ended_in("Succeeded") <= job.succeeded;
    let enough = job.completions.is_some_and(|completions| job.succeeded >= completions);
    if job.failed > 0 && counted && !enough {
        let since = pods.iter().filter_map(PodFacts::ended_at).max();
        return Some(Derived {
            state: JobState::Pending,
            cause: because("BackingOff", "a pod failed; the next attempt waits for its back-off"),
            effective: at(since, "pod.status.containerStatuses"),
        });
    }
    match previous {
        None => Some(Derived {
            state: JobState::Submitted,
            cause: Cause::default(),
            effective: at(job.created_at, "job.metadata.creationTimestamp"),
        }),
        Some(JobState::Suspended | JobState::Queued) => Some(Derived {
            state: JobState::Pending,
            cause: because("Resumed", "no longer suspended; its pods are not there yet"),
            effective: at(
                job.conditions.get("Suspended").filter(|found| !found.holds).and_then(|found| found.since),
                "job.status.conditions[Suspended]",
            ),
        }),
        Some(_) => None,
    }
}
