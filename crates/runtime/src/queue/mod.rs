//! The work queue: which keys need a reconcile, when, and never the same one twice at once.
//!
//! The rules live in a plain state machine without locks or clocks (`state`); [`WorkQueue`] puts a lock and
//! waiting around it. A request for a key is in one of two states: *ready* (served as soon as a worker is
//! free) or *waiting* (served when its time comes). Several requests for a key merge into the earliest.
//!
//! Invariants, checked after each step in debug builds:
//!
//! - **Q-I1** a key is in the hands of at most one worker;
//! - **Q-I2** a key has at most one request, ready or waiting;
//! - **Q-I3** a ready request is in the line if and only if its key is not being worked on;
//! - **Q-I4** a key without a request and without a worker is not kept.

mod metrics;
mod options;
mod retry;
mod shared;
mod state;
#[cfg(test)]
mod state_model;
#[cfg(test)]
mod tests;
mod work_queue;

pub use metrics::QueueMetrics;
pub use options::{Priority, WorkQueueOptions};
pub use retry::Retry;
pub use work_queue::{QueueItem, QueueKey, WorkQueue};
