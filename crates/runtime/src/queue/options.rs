//! How a work queue behaves.

use std::time::Duration;

use super::{QueueMetrics, Retry};

/// In which of the two bands a request stands.
///
/// Inside a band requests are served first come, first served. Between the bands a low request stands where a
/// normal one would that came [`WorkQueueOptions::ageing`] later: it gives way, but never for longer than
/// that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Work that nobody waits for: the objects of an initial list, changes that change nothing.
    Low,
    /// Everything else.
    #[default]
    Normal,
}

impl Priority {
    /// The number that controller-runtime gives the band; the `priority` label of `workqueue_depth`.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Low => -100,
            Self::Normal => 0,
        }
    }
}

/// The settings of a [`WorkQueue`](super::WorkQueue).
#[derive(Clone, Debug)]
pub struct WorkQueueOptions {
    /// The name, for metric labels and logs; the controller's name where it belongs to one.
    pub name: String,
    /// How long a failing key waits before it is served again.
    pub retry: Retry,
    /// How far a low request stands behind a normal one that came at the same time. Default 10 seconds.
    pub ageing: Duration,
    /// Where the queue counts; nowhere when `None`.
    pub metrics: Option<QueueMetrics>,
}

impl WorkQueueOptions {
    /// The defaults under a name: exponential retry from 5 ms to 1000 s, no metrics.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            retry: Retry::exponential(),
            ageing: Duration::from_secs(10),
            metrics: None,
        }
    }
}
