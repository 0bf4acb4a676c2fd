//! What the logbook knows: states, jobs, pods, transitions, revisions, gaps and notifications.

mod history;
mod job;
mod notification;
mod pod;
mod state;
mod text_enum;

pub use history::{Coverage, Gap, Provenance, Revision, RevisionEvent, StreamPosition, Transition};
pub use job::{JobFilter, JobRow, Page};
pub use notification::{DeliveryRow, NotificationRow, NotificationState};
pub use pod::PodRow;
pub use state::{JobState, StateGroup};
pub use text_enum::UnknownWord;
