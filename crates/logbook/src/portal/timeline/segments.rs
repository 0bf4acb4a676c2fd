//! The stretches of time that a job spent in its states.

use jiff::{SignedDuration, Timestamp};

use crate::model::{JobRow, JobState, Transition};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// One stretch in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) state: JobState,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Still going on.
    pub(crate) is_open: bool,
}

/// When a transition happened, as closely as is known: the object's time is cut to whole seconds, and what was
/// observed within that second tells more.
pub(crate) fn best_time(transition: &Transition) -> Timestamp {
    let (effective, observed) = (transition.effective_at, transition.observed_at);
    let is_same_second = observed >= effective && observed.duration_since(effective) < SECOND;
    if is_same_second { observed } else { effective }
}

/// The stretches in order, without those of no length and without the terminal state.
///
/// The times of two transitions may cross where they come from different clocks: each stretch begins no earlier
/// than the one before it.
pub(crate) fn segments(job: &JobRow, transitions: &[Transition], now: Timestamp) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::with_capacity(transitions.len());
    let mut from = job.created_at;
    for (index, transition) in transitions.iter().enumerate() {
        if index > 0 {
            from = from.max(best_time(transition));
        }
        if transition.to.is_terminal() {
            break;
        }
        let next = transitions.get(index + 1).map(best_time);
        let to = next.or(job.ended_at).unwrap_or(now).max(from);
        let is_open = next.is_none() && job.ended_at.is_none();
        match found.last_mut() {
            // Another reason, the same state.
            Some(last) if last.state == transition.to => (last.to, last.is_open) = (to, is_open),
            _ => found.push(Segment { state: transition.to, from, to, is_open }),
        }
    }
    found.retain(|segment| segment.to > segment.from || segment.is_open);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Provenance;

    fn transition(to: JobState, effective: i64, observed_ms: i64) -> Transition {
        Transition {
            id: 1,
            job_id: 1,
            sequence: 1,
            resource_version: "1".to_owned(),
            from: None,
            to,
            reason: None,
            message: None,
            attempt: 1,
            exit_code: None,
            observed_at: Timestamp::from_millisecond(observed_ms).unwrap(),
            effective_at: Timestamp::from_second(effective).unwrap(),
            effective_source: "observed".to_owned(),
            provenance: Provenance::Watch,
            gap_id: None,
        }
    }

    #[test]
    fn what_was_observed_within_the_second_refines_the_objects_time() {
        let millisecond = |at: Timestamp| at.as_millisecond();
        assert_eq!(millisecond(best_time(&transition(JobState::Running, 10, 10_400))), 10_400);
        assert_eq!(millisecond(best_time(&transition(JobState::Running, 10, 19_000))), 10_000, "seen late");
        assert_eq!(
            millisecond(best_time(&transition(JobState::Running, 10, 9_900))),
            10_000,
            "another clock"
        );
    }
}
