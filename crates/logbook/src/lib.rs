//! The job logbook: each state change of each job, kept in SQL, shown live and notified reliably.
//!
//! [`model`] says what a job's states are and derives them from what the cluster says; [`recorder`] writes down what
//! the journals of jobs and pods bring; [`store`] keeps revisions, transitions and outgoing notifications in one
//! SQLite file; [`notify`] sends the notifications; [`portal`] shows everything on live pages and as JSON.

pub mod metrics;
pub mod model;
pub mod notify;
pub mod portal;
pub mod recorder;
pub mod store;
mod submit;

pub use metrics::LogbookMetrics;
