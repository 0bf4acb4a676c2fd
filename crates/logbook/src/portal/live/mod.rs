//! Live updates by server-sent events.
//!
//! **Flow.** One task, the tail, reads what commits bring and sends it to all open streams; each stream writes what
//! concerns its page into a short channel that the response drains. A stream reads the database itself only when it
//! begins and when it fell behind: two hundred open pages cost one reading per commit, not two hundred. A reader too
//! slow for its channel holds up its own stream and nobody else.
//!
//! **Guarantees.** A stream that is resumed with the last id its reader saw (`Last-Event-ID`, or `after`) misses
//! nothing that was committed since, or begins with an event `reset`. The screen is coalesced (each job at most once
//! in 200 ms); the API's stream has every transition once, in order.

mod batch;
mod feed;
mod jobs;
mod one_job;
mod pace;
mod start;
mod tail;
mod transitions;

pub(crate) use feed::{STREAMS, stream};
pub(crate) use jobs::list_events;
pub(crate) use one_job::job_events;
pub(crate) use tail::Tail;
pub(crate) use transitions::transition_events;
