//! What the logbook knows: states, jobs, pods, transitions, revisions, gaps and notifications.
//!
//! [`derive()`] says which state a job's [facts](JobFacts) amount to; [`advance()`] says which transitions lead there
//! from where the job stands. Both are pure.

mod advance;
mod cluster;
mod derive;
mod facts;
mod history;
mod job;
mod notification;
mod pod;
mod state;
#[cfg(test)]
mod tests;
mod text_enum;

pub use advance::{Advance, Standing, Step, advance, exit_code};
pub use cluster::Cluster;
pub use derive::{Derived, Effective, Presence, derive};
pub use facts::{Cause, Condition, ContainerEnd, ContainerFacts, JobFacts, PodFacts};
pub use history::{Coverage, Gap, Provenance, Revision, RevisionEvent, StreamPosition, Transition};
pub use job::{CHANNEL_ANNOTATION, JobFilter, JobRow, Page, SUBMITTER_ANNOTATION};
pub use notification::{DeliveryRow, NotificationRow, NotificationState};
pub use pod::PodRow;
pub use state::{JobState, StateGroup};
pub use text_enum::UnknownWord;
