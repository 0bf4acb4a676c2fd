//! How a controller behaves.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::queue::Retry;

/// How many reconciles run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Always ready to work.
    pub least: usize,
    /// At work while there is a backlog; they leave after ten idle seconds.
    pub most: usize,
}

impl Workers {
    fn new(least: usize, most: usize) -> Self {
        let least = least.max(1);
        Self { least, most: most.max(least) }
    }
}

impl From<usize> for Workers {
    fn from(count: usize) -> Self {
        Self::new(count, count)
    }
}

impl From<RangeInclusive<usize>> for Workers {
    fn from(range: RangeInclusive<usize>) -> Self {
        Self::new(*range.start(), *range.end())
    }
}

/// The settings of a controller.
#[derive(Clone, Debug)]
pub(super) struct ControllerOptions {
    pub(super) workers: Workers,
    pub(super) timeout: Duration,
    pub(super) retry: Retry,
    pub(super) sync_timeout: Duration,
    pub(super) own_write_wait: Duration,
    pub(super) worker_idle: Duration,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            workers: Workers::from(1),
            timeout: Duration::from_mins(2),
            retry: Retry::exponential(),
            sync_timeout: Duration::from_mins(2),
            own_write_wait: Duration::from_secs(5),
            worker_idle: Duration::from_secs(10),
        }
    }
}
