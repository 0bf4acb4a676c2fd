//! The job logbook: each state change of each job, kept in SQL, shown live and notified reliably.
//!
//! [`model`] says what a job's states are and derives them from what the cluster says; [`store`] keeps
//! revisions, transitions and outgoing notifications in one SQLite file; [`portal`] shows them on live pages and as
//! JSON.

pub mod model;
pub mod portal;
pub mod store;
mod submit;
