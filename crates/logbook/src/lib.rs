//! The job logbook: each state change of each job, kept in SQL, shown live and notified reliably.
//!
//! A [`Logbook`] is added to a manager and served as a router. [`model`] says what a job's states are and derives
//! them from what the cluster says; [`recorder`] writes down what the journals of jobs and pods bring; [`store`]
//! keeps revisions, transitions and outgoing notifications in one SQLite file; [`notify`] sends the notifications;
//! [`portal`] shows everything on live pages and as JSON.

mod logbook;
pub mod metrics;
pub mod model;
pub mod notify;
mod options;
pub mod portal;
pub mod recorder;
pub mod store;
mod submit;

pub use logbook::{Logbook, LogbookError};
pub use metrics::LogbookMetrics;
pub use options::LogbookOptions;
