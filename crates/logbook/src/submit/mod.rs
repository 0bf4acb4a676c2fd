//! Submitting a job from the portal, and acting on one that exists.
//!
//! **Flow.** The form's fields are read and checked here; what they say becomes a `batch/v1` Job that goes through
//! the logbook's client to the API server like any other. What the server refuses comes back to the fields that it
//! names. The recorder then sees the job as it sees every other: nothing is written into the database from here.

mod act;
mod causes;
mod fields;
mod handlers;
mod object;
mod page;
mod parse;
mod shell_words;

pub(crate) use handlers::{delete, resume, submit, submit_page, suspend};
