//! The life of a process: what starts in which order, what ends it, and how it stops.

mod readiness;
mod runnable;
mod shutdown;

pub use readiness::Readiness;
pub use runnable::{BoxError, Group, RunContext, Runnable, Task};
pub use shutdown::Shutdown;
