//! Live updates by server-sent events.
//!
//! **Flow.** One task per open stream waits for commits of the store, reads what is new from its own cursor in the
//! database, and writes it into a short channel that the response drains; a reader too slow for the channel holds up
//! its own task and nobody else.
//!
//! **Guarantees.** A stream that is resumed with the last id its reader saw (`Last-Event-ID`, or `after`) misses
//! nothing that was committed since, or begins with an event `reset`. The screen is coalesced (each job at most once
//! in 200 ms); the API's stream has every transition once, in order.

mod feed;
mod jobs;
mod one_job;
mod pace;
mod start;
mod transitions;

pub(crate) use feed::stream;
pub(crate) use jobs::list_events;
pub(crate) use one_job::job_events;
pub(crate) use transitions::transition_events;
