//! Conditions of a job, read by type and written in the order they came.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};

use crate::pace::stamp;

pub(crate) const SUSPENDED: &str = "Suspended";
pub(crate) const SUCCESS_CRITERIA_MET: &str = "SuccessCriteriaMet";
pub(crate) const COMPLETE: &str = "Complete";
pub(crate) const FAILURE_TARGET: &str = "FailureTarget";
pub(crate) const FAILED: &str = "Failed";

/// The condition of this type, whatever its status.
pub(crate) fn find<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    status.conditions.as_deref().unwrap_or_default().iter().find(|condition| condition.type_ == kind)
}

/// The condition of this type, where its status is True.
pub(crate) fn find_true<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    find(status, kind).filter(|condition| condition.status == "True")
}

/// Writes a condition; the transition time moves only when the status changes.
pub(crate) fn set(
    status: &mut JobStatus,
    (kind, value): (&str, bool),
    (reason, message): (&str, &str),
    now: Timestamp,
) {
    let value = if value { "True" } else { "False" };
    let previous = find(status, kind).filter(|condition| condition.status == value);
    let transition = previous.and_then(|condition| condition.last_transition_time.clone());
    let probe = previous.and_then(|condition| condition.last_probe_time.clone());
    let condition = JobCondition {
        last_probe_time: probe.or_else(|| Some(stamp(now))),
        last_transition_time: transition.or_else(|| Some(stamp(now))),
        message: Some(message.to_owned()),
        reason: Some(reason.to_owned()),
        status: value.to_owned(),
        type_: kind.to_owned(),
    };
    let conditions = status.conditions.get_or_insert_with(Vec::new);
    match conditions.iter_mut().find(|condition| condition.type_ == kind) {
        Some(existing) => *existing = condition,
        None => conditions.push(condition),
    }
}
