//! How a work queue behaves.

use std::fmt;
use std::time::Duration;

use super::{Bucket, FlowOf, HotKeys, QueueMetrics, Retry};

/// The settings of a [`WorkQueue`](super::WorkQueue) of keys `K`.
#[derive(Clone)]
pub struct WorkQueueOptions<K> {
    /// The name, for metric labels and logs; the controller's name where it belongs to one.
    pub name: String,
    /// How long a failing key waits before it is served again.
    pub retry: Retry,
    /// How many retries the whole queue asks for per second; any number when `None`.
    pub bucket: Option<Bucket>,
    /// How far a request stands behind one that came at the same time with a priority higher by 100. Default 10
    /// seconds. Zero makes the line one of first come, first served; [`Duration::MAX`] lets higher priorities
    /// starve lower ones.
    pub ageing: Duration,
    /// How long a request waits for others for the same key to join it. The wait is not prolonged by those that
    /// do: unlike kube-runtime's debounce it hides nothing for ever. Default zero.
    pub debounce: Duration,
    /// The shortest time between two hand-outs of a key, retries among them. Default zero.
    pub minimum_interval: Duration,
    /// Keys that are served more often than this go to the slow lane; none when `None`.
    pub hot_keys: Option<HotKeys>,
    /// To which flow a key belongs; all to one when `None`.
    pub flow: Option<FlowOf<K>>,
    /// Where the queue counts; nowhere when `None`.
    pub metrics: Option<QueueMetrics>,
}

impl<K> WorkQueueOptions<K> {
    /// The defaults under a name: exponential retry from 5 ms to 1000 s, one flow, nothing held back, no
    /// metrics.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            retry: Retry::exponential(),
            bucket: None,
            ageing: Duration::from_secs(10),
            debounce: Duration::ZERO,
            minimum_interval: Duration::ZERO,
            hot_keys: None,
            flow: None,
            metrics: None,
        }
    }
}

impl<K> fmt::Debug for WorkQueueOptions<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkQueueOptions")
            .field("name", &self.name)
            .field("retry", &self.retry)
            .field("bucket", &self.bucket)
            .field("ageing", &self.ageing)
            .field("debounce", &self.debounce)
            .field("minimum_interval", &self.minimum_interval)
            .field("hot_keys", &self.hot_keys)
            .finish_non_exhaustive()
    }
}
