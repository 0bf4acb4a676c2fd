//! From the state a job was in to the state its facts amount to: the transitions to record.
//!
//! - **L-I1** a terminal state of a job is never left.

use super::derive::{Derived, Effective, Presence, at, derive};
use super::facts::{Cause, ContainerEnd, JobFacts, PodFacts};
use super::{JobState, StateGroup};

/// Where a job was after its last transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: JobState,
    /// The attempt the state belongs to.
    pub attempt: i64,
    /// Since when it has been there.
    pub since: jiff::Timestamp,
}

/// One transition to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state before; `None` for the first.
    pub from: Option<JobState>,
    /// The state after.
    pub to: JobState,
    /// The attempt that the new state belongs to.
    pub attempt: i64,
    /// Why.
    pub cause: Cause,
    /// The exit code known now.
    pub exit_code: Option<i64>,
    /// When it happened, where the objects say.
    pub effective: Option<Effective>,
    /// Whether nobody saw it and times inside the objects, or the logic of the states, show that it was.
    pub inferred: bool,
}

/// What follows from the facts: the state's present cause, and the transitions that lead there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// The transitions, in order; empty when the state stays.
    pub steps: Vec<Step>,
    /// The present cause of the state it is in then; `None` when the facts say nothing new about it.
    pub cause: Option<Cause>,
}

/// Derives where a job goes from where it stands.
///
/// **Guarantees.** A terminal state is never left (L1). Each step [may follow](JobState::may_follow) the one before
/// (L2): a state that must have been passed is inserted as an inferred step, one that must not is not entered. The
/// same input gives the same steps.
#[must_use]
pub fn advance(standing: Option<Standing>, job: &JobFacts, pods: &[PodFacts], presence: Presence) -> Advance {
    let previous = standing.map(|standing| standing.state);
    if previous.is_some_and(JobState::is_terminal) {
        return Advance::default();
    }
    let Some(derived) = derive(job, pods, presence, previous) else { return Advance::default() };
    let mut path = Path { standing, steps: Vec::new(), job, pods };
    if previous == Some(derived.state) && !path.failed_unseen(derived.state) {
        return Advance { steps: Vec::new(), cause: Some(derived.cause) };
    }
    path.insert_passed(derived.state);
    if !derived.state.may_follow(path.state()) {
        return Advance::default();
    }
    let cause = Some(derived.cause.clone());
    let exit_code = exit_code(derived.state, pods);
    path.push(derived, exit_code, false);
    Advance { steps: path.steps, cause }
}

/// The exit code that goes with a state: of the container that failed last, or of one that did well.
#[must_use]
pub fn exit_code(state: JobState, pods: &[PodFacts]) -> Option<i64> {
    let failed = || pods.iter().filter_map(PodFacts::end).filter(|end| end.exit_code != 0);
    match state {
        JobState::Succeeding | JobState::Succeeded => {
            pods.iter().filter_map(PodFacts::end).any(|end| end.exit_code == 0).then_some(0)
        }
        JobState::Failing | JobState::Failed | JobState::Pending | JobState::Starting => {
            failed().max_by_key(|end| end.finished_at).map(|end: &ContainerEnd| end.exit_code)
        }
        _ => None,
    }
}

impl JobState {
    /// Whether a job may enter this state from `previous`; `None` is a job not recorded yet.
    #[must_use]
    pub fn may_follow(self, previous: Option<Self>) -> bool {
        use JobState::{Cancelling, Failing, Pending, Queued, Running, Starting, Submitted, Succeeding};
        use JobState::{Suspended, Suspending};
        let Some(previous) = previous else { return self == Submitted };
        if previous.is_terminal() || self == Submitted || self == previous {
            return false;
        }
        let fate_known = matches!(previous, Succeeding | Failing | Cancelling);
        match self {
            Cancelling => true,
            _ if self.is_terminal() => true,
            Succeeding | Failing | Queued | Suspending | Suspended | Pending => !fate_known,
            Starting => matches!(previous, Pending | Running),
            Running => matches!(previous, Starting | Suspending),
            _ => false,
        }
    }
}

/// How far a job has come towards running; states off that way count as not begun.
fn progress(state: Option<JobState>) -> u8 {
    match state {
        None => 0,
        Some(JobState::Pending) => 2,
        Some(JobState::Starting) => 3,
        Some(JobState::Running | JobState::Suspending) => 4,
        Some(JobState::Succeeding | JobState::Failing | JobState::Cancelling) => 5,
        Some(_) => 1,
    }
}

const WAY: [JobState; 4] = [JobState::Submitted, JobState::Pending, JobState::Starting, JobState::Running];

struct Path<'a> {
    standing: Option<Standing>,
    steps: Vec<Step>,
    job: &'a JobFacts,
    pods: &'a [PodFacts],
}

impl Path<'_> {
    fn state(&self) -> Option<JobState> {
        self.steps.last().map(|step| step.to).or(self.standing.map(|standing| standing.state))
    }

    fn attempt(&self) -> i64 {
        self.steps
            .last()
            .map(|step| step.attempt)
            .or(self.standing.map(|standing| standing.attempt))
            .unwrap_or(1)
    }

    /// Inserts the states that the job passed on its way to `target` and that nobody saw.
    fn insert_passed(&mut self, target: JobState) {
        let certain = match target {
            JobState::Submitted => 0,
            JobState::Starting if self.state() == Some(JobState::Running) => 0,
            JobState::Running if self.state() == Some(JobState::Suspending) => 0,
            JobState::Pending | JobState::Starting if self.failed_unseen(target) => 4,
            JobState::Starting => 2,
            JobState::Running => 3,
            JobState::Pending => 1,
            _ => self.shown_by_pods(target),
        };
        let from = match (self.state(), target) {
            (Some(JobState::Suspending), JobState::Starting) => 1,
            (state, _) => usize::from(progress(state)),
        };
        for state in WAY.iter().take(certain).skip(from) {
            let derived =
                Derived { state: *state, cause: Cause::default(), effective: self.passed_at(*state) };
            self.push(derived, None, true);
        }
    }

    /// Whether the first attempt ran and failed without having been seen running: what waits now is the next one.
    fn failed_unseen(&self, target: JobState) -> bool {
        let begins = matches!(target, JobState::Pending | JobState::Starting);
        let not_seen_running = self.standing.is_some_and(|standing| {
            standing.attempt == 1 && matches!(standing.state, JobState::Pending | JobState::Starting)
        });
        begins
            && not_seen_running
            && self.pods.iter().any(|pod| pod.phase == "Failed" && pod.has_run() && pod.ended_at().is_some())
    }

    /// How many states of the way the pods (or the job's own success) prove to have been passed.
    fn shown_by_pods(&self, target: JobState) -> usize {
        let succeeded = matches!(target, JobState::Succeeding | JobState::Succeeded) && self.job.needs_pods();
        if succeeded {
            return 4;
        }
        let shows = |pod: &PodFacts| match (pod.has_run(), pod.is_bound(), target) {
            (true, _, _) => 4,
            (false, true, _) => 3,
            (false, false, JobState::Queued) => 1,
            (false, false, _) => 2,
        };
        self.pods_of_attempt().map(shows).max().unwrap_or(1)
    }

    /// The pods that belong to the attempt the job is in: all during the first, later those created since the
    /// state began and not ended by then. Times are whole seconds, so a very short pod may be left out.
    fn pods_of_attempt(&self) -> impl Iterator<Item = &PodFacts> {
        let since = self.standing.filter(|standing| standing.attempt > 1).map(|standing| standing.since);
        self.pods.iter().filter(move |pod| {
            since.is_none_or(|since| {
                let ended_before = pod.ended_at().is_some_and(|ended| ended <= since);
                pod.created_at >= Some(since) && !ended_before
            })
        })
    }

    fn passed_at(&self, state: JobState) -> Option<Effective> {
        let first =
            |time: fn(&PodFacts) -> Option<jiff::Timestamp>| self.pods_of_attempt().filter_map(time).min();
        let seen = match state {
            JobState::Submitted => return at(self.job.created_at, "job.metadata.creationTimestamp"),
            JobState::Pending => at(first(|pod| pod.created_at), "pod.metadata.creationTimestamp"),
            JobState::Starting => at(first(|pod| pod.scheduled_at), "pod.status.conditions[PodScheduled]"),
            _ => at(first(PodFacts::started_at), "pod.status.containerStatuses"),
        };
        seen.or_else(|| at(self.job.start_time, "job.status.startTime"))
    }

    fn push(&mut self, derived: Derived, exit_code: Option<i64>, inferred: bool) {
        let from = self.state();
        let begins_again = matches!(from, Some(JobState::Running | JobState::Suspending))
            && derived.state.group() == StateGroup::Waiting;
        self.steps.push(Step {
            from,
            to: derived.state,
            attempt: self.attempt() + i64::from(begins_again),
            cause: derived.cause,
            exit_code,
            effective: derived.effective,
            inferred,
        });
    }
}
