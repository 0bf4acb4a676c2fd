//! The stretches of time that a job spent in its states.

use jiff::Timestamp;

use crate::model::{JobRow, JobState, Transition};

/// One stretch in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) state: JobState,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Still going on.
    pub(crate) is_open: bool,
}

/// The stretches in order, without those of no length and without the terminal state.
///
/// Object times have whole seconds and ours are finer, so the times of two transitions may cross: each stretch
/// begins no earlier than the one before it.
pub(crate) fn segments(job: &JobRow, transitions: &[Transition], now: Timestamp) -> Vec<Segment> {
    let mut found: Vec<Segment> = Vec::with_capacity(transitions.len());
    let mut from = job.created_at;
    for (index, transition) in transitions.iter().enumerate() {
        if index > 0 {
            from = from.max(transition.effective_at);
        }
        if transition.to.is_terminal() {
            break;
        }
        let next = transitions.get(index + 1).map(|next| next.effective_at);
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
