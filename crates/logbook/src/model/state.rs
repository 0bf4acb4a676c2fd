//! The states of a job and how they group.

use super::text_enum::text_enum;

text_enum! {
    /// Where a job is, whatever its kind.
    JobState, "job state" {
        /// Accepted by the API server; nothing has been done about it yet.
        Submitted = "Submitted",
        /// Held back by a queue or a scheduling gate.
        Queued = "Queued",
        /// Its pods wait to be placed, or the next attempt waits for its back-off.
        Pending = "Pending",
        /// Some pod is bound to a node and gets ready.
        Starting = "Starting",
        /// Some pod's main container runs.
        Running = "Running",
        /// Suspended while pods still end.
        Suspending = "Suspending",
        /// Suspended, without pods.
        Suspended = "Suspended",
        /// Its success is decided; pods still end.
        Succeeding = "Succeeding",
        /// Ended well.
        Succeeded = "Succeeded",
        /// Its failure is decided; pods still end.
        Failing = "Failing",
        /// Ended badly.
        Failed = "Failed",
        /// Being deleted before it ended.
        Cancelling = "Cancelling",
        /// Deleted before it ended.
        Cancelled = "Cancelled",
        /// Ended while nobody watched: gone, and last seen before its end.
        Lost = "Lost",
    }
}

text_enum! {
    /// The coarse grouping of states for people and filters.
    StateGroup, "state group" {
        /// Not running yet, or not any more for now.
        Waiting = "waiting",
        /// Holding resources.
        Active = "active",
        /// Ended.
        Done = "done",
    }
}

impl JobState {
    /// The group the state belongs to.
    #[must_use]
    pub const fn group(self) -> StateGroup {
        match self {
            Self::Submitted | Self::Queued | Self::Pending | Self::Starting | Self::Suspended => {
                StateGroup::Waiting
            }
            Self::Running | Self::Suspending | Self::Succeeding | Self::Failing | Self::Cancelling => {
                StateGroup::Active
            }
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Lost => StateGroup::Done,
        }
    }

    /// Whether a `batch/v1` Job never leaves the state.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self.group(), StateGroup::Done)
    }
}

impl StateGroup {
    /// The states of the group, in the order of [`JobState::ALL`].
    pub fn states(self) -> impl Iterator<Item = JobState> {
        JobState::ALL.iter().copied().filter(move |state| state.group() == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_word_and_belongs_to_one_group() {
        for state in JobState::ALL {
            assert_eq!(state.as_str().parse::<JobState>(), Ok(*state));
        }
        let grouped: usize = StateGroup::ALL.iter().map(|group| group.states().count()).sum();
        assert_eq!((grouped, JobState::ALL.len()), (14, 14));
        assert!("running".parse::<JobState>().is_err());
    }
}
