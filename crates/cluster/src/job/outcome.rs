//! Whether a job has reached its end, and which.

use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::api::core::v1::Pod;

use super::conditions::{self, FAILURE_TARGET, SUCCESS_CRITERIA_MET};
use super::tally::Tally;
use super::view::JobView;

/// The end that a job is heading for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) is_failure: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Outcome {
    fn new(is_failure: bool, reason: &str, message: impl Into<String>) -> Self {
        Self { is_failure, reason: reason.to_owned(), message: message.into() }
    }
}

/// The end on record, or the one that the pods now call for. Failure comes before success.
pub(crate) fn decide(view: &JobView<'_>, status: &JobStatus, tally: &Tally) -> Option<Outcome> {
    on_record(status).or_else(|| failure(view, status, tally)).or_else(|| success(view, tally))
}

fn on_record(status: &JobStatus) -> Option<Outcome> {
    [(FAILURE_TARGET, true), (SUCCESS_CRITERIA_MET, false)].into_iter().find_map(|(kind, is_failure)| {
        let condition = conditions::find_true(status, kind)?;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Some(Outcome { is_failure, reason: text(&condition.reason), message: text(&condition.message) })
    })
}

fn failure(view: &JobView<'_>, status: &JobStatus, tally: &Tally) -> Option<Outcome> {
    if let Some(message) = &tally.policy_failure {
        return Some(Outcome::new(true, "PodFailurePolicy", message.clone()));
    }
    if tally.failed > view.backoff_limit() || has_restarted_too_often(view, tally) {
        let message = "Job has reached the specified backoff limit";
        return Some(Outcome::new(true, "BackoffLimitExceeded", message));
    }
    let start = status.start_time.as_ref().filter(|_| !view.is_suspended())?;
    let is_over = view.deadline(start.0).is_some_and(|deadline| view.now >= deadline);
    is_over.then(|| Outcome::new(true, "DeadlineExceeded", "Job was active longer than specified deadline"))
}

/// Containers that restart in place make no new pods: their restarts count towards the back-off limit instead.
fn has_restarted_too_often(view: &JobView<'_>, tally: &Tally) -> bool {
    let restarts: i32 = tally.active.iter().map(|pod| restarts(pod)).sum();
    view.restarts_in_place() && restarts > 0 && restarts >= view.backoff_limit()
}

fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.as_ref();
    let main = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let init = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    main.iter().chain(init).map(|container| container.restart_count).sum()
}

fn success(view: &JobView<'_>, tally: &Tally) -> Option<Outcome> {
    let is_reached = match view.completions() {
        Some(completions) => tally.succeeded >= completions,
        None => tally.succeeded > 0 && tally.active.is_empty(),
    };
    is_reached.then(|| Outcome::new(false, "CompletionsReached", "Reached expected number of succeeded pods"))
}
