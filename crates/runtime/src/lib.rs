//! Pilothouse: a Kubernetes controller runtime.

pub mod manager;
pub mod queue;

pub use manager::Shutdown;
pub use queue::{Priority, Retry, WorkQueue, WorkQueueOptions};
