//! How elections and fenced writes fail.

use std::time::Duration;

use super::Timing;

/// Why a candidate cannot stand for election.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElectionError {
    /// The three times do not fit together.
    #[error(
        "cannot hold an election with a lease of {:?}, a renew deadline of {:?} and a retry period of {:?}: {problem}",
        timing.lease_duration, timing.renew_deadline, timing.retry_period
    )]
    Timing {
        /// The times.
        timing: Timing,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// The name of the lease, its namespace or the identity cannot be used.
    #[error("cannot hold an election with the {what} {value:?}: {problem}")]
    Name {
        /// Which of them.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// The leader is healthy no more: it believes to lead, and has not renewed for too long.
    #[error("cannot vouch for the lease: it was renewed {since:?} ago")]
    NotRenewed {
        /// The time since the last renewal.
        since: Duration,
    },
}

impl ElectionError {
    /// A stable word for logs and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timing { .. } => "InvalidElectionTiming",
            Self::Name { .. } => "InvalidElectionName",
            Self::NotRenewed { .. } => "LeaseNotRenewed",
        }
    }
}

/// A write was refused because this process does not lead (conformance E11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process does not lead: {why}")]
pub struct NotLeading {
    /// Whether the request had left when the term ended; it may then have been applied.
    pub(crate) sent: bool,
    /// Which end of the term it met.
    pub(crate) why: &'static str,
}

impl NotLeading {
    /// A refusal whose details were lost on the way.
    pub(crate) fn unknown() -> Self {
        Self { sent: true, why: "its term has ended" }
    }
}
