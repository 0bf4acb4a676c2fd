//! The work queue: which keys need a reconcile, when, and never the same one twice at once.
//!
//! The rules live in a plain state machine without locks or clocks (`state`); [`WorkQueue`] puts a lock and
//! waiting around it. A request for a key is in one of two states: *ready* (served as soon as a worker is
//! free) or *waiting* (served when its time comes). Several requests for a key merge into the earliest.
//!
//! Ready requests stand in one line. It has bands of different [`Priority`], which age; in each band [`Flow`]s
//! take turns; keys that come too often stand aside ([`HotKeys`]). Everything that is known of a key is one
//! entry in one slab, and all lists are links between slots: a key is hashed once per request.
//!
//! [`VersionQueue`] is the mode that merges nothing: each version of a key is handed out, in order.
//!
//! Invariants, checked after each step in debug builds:
//!
//! - **Q-I1** a key is in the hands of at most one worker;
//! - **Q-I2** a key has at most one request, ready or waiting;
//! - **Q-I3** a ready request is in the line if and only if its key is not being worked on;
//! - **Q-I4** a key without a request, a worker, failures or a pace to keep is not kept;
//! - **Q-I5** a request in line is alone, or stands in one flow of one of at most 25 bands; each flow has one turn;
//! - **Q-I6** of the slow lane no more keys are in workers' hands than it may have;
//! - **Q-I7** a getter that waits while there is something to take, a time to keep or an end to see has been
//!   woken, or another one has that will wake it.

mod band;
mod bucket;
mod entries;
#[cfg(test)]
mod fairness_tests;
mod fifo;
mod flow;
mod invariants;
mod line;
mod metrics;
mod options;
mod pace;
mod platform;
mod priority;
#[cfg(test)]
mod priority_tests;
mod retry;
mod shared;
#[cfg(test)]
mod shuttle_model;
mod state;
#[cfg(test)]
mod state_model;
#[cfg(test)]
mod tests;
mod time;
mod version_queue;
#[cfg(test)]
mod version_queue_tests;
mod work_queue;

pub use bucket::Bucket;
pub use flow::{Flow, FlowOf};
pub use metrics::QueueMetrics;
pub use options::WorkQueueOptions;
pub use pace::HotKeys;
pub use priority::Priority;
pub use retry::Retry;
pub use version_queue::{NotAdded, VersionItem, VersionQueue};
pub use work_queue::{QueueItem, QueueKey, WorkQueue};
