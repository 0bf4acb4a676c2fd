//! The built-in resource types: names, switches, defaults, validation, selectable fields.
//!
//! [`builtin`] is the table; each other file holds the [`Strategy`](crate::kind::Strategy) of one type or family.

mod builtin;
pub(crate) mod causes;
mod complete;
mod config;
mod container;
mod cron_job;
mod daemon_set;
mod deployment;
mod event;
pub(crate) mod field;
pub(crate) mod format;
mod job;
mod job_status;
mod lease;
mod namespace;
mod node;
mod pod;
mod pod_template;
pub(crate) mod selector;
mod service;
mod simple;
mod stateful_set;

pub(crate) use builtin::register;
pub(crate) use complete::complete;
