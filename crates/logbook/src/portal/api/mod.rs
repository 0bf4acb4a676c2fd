//! The JSON API under `/api/v1`: the same records as the pages show, for programs.
//!
//! Lists answer `{"items": [...], "next": cursor}`; give `next` back as `cursor` for the next page, until it is
//! null. Errors are problem documents (RFC 9457).

mod events;
mod history;
mod jobs;
mod parameters;
mod problem;

pub(crate) use events::events;
pub(crate) use history::{document, revisions, transitions};
pub(crate) use jobs::{job, jobs};
pub(crate) use problem::{Problem, no_such_address};
