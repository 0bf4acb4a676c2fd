//! The job logbook: each state change of each job, kept in SQL, shown live and notified reliably.
//!
//! [`model`] says what a job's states are and derives them from what the cluster says; [`store`] keeps
//! revisions, transitions and outgoing notifications in one SQLite file.

pub mod model;
pub mod store;
