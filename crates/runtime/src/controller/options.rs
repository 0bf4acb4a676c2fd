//! How a controller behaves.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::DeadLetterOptions;
use crate::ObjectKey;
use crate::queue::{Bucket, Flow, FlowOf, HotKeys, Retry};

/// How many reconciles run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Always ready to work.
    pub least: usize,
    /// At work while there is a backlog and the API server does not push back; they leave after ten idle seconds.
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
pub(crate) struct ControllerOptions {
    pub(crate) workers: Workers,
    pub(crate) timeout: Duration,
    pub(crate) retry: Retry,
    pub(crate) sync_timeout: Duration,
    pub(crate) own_write_wait: Duration,
    pub(crate) worker_idle: Duration,
    pub(crate) needs_leadership: bool,
    pub(crate) dead_letters: DeadLetterOptions,
    pub(crate) refuses_undeclared: bool,
    pub(crate) queue: QueueOptions,
}

/// The settings of a controller's queue.
#[derive(Clone)]
pub(crate) struct QueueOptions {
    pub(crate) bucket: Option<Bucket>,
    pub(crate) debounce: Duration,
    pub(crate) minimum_interval: Duration,
    pub(crate) hot_keys: Option<HotKeys>,
    pub(crate) flow: FlowOf<ObjectKey>,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            bucket: None,
            debounce: Duration::ZERO,
            minimum_interval: Duration::ZERO,
            hot_keys: None,
            flow: Arc::new(|key: &ObjectKey| Flow::of(&*key.namespace)),
        }
    }
}

impl fmt::Debug for QueueOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("QueueOptions")
            .field("bucket", &self.bucket)
            .field("debounce", &self.debounce)
            .field("minimum_interval", &self.minimum_interval)
            .field("hot_keys", &self.hot_keys)
            .finish_non_exhaustive()
    }
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
            queue: QueueOptions::default(),
            needs_leadership: true,
            dead_letters: DeadLetterOptions::default(),
            refuses_undeclared: false,
        }
    }
}
