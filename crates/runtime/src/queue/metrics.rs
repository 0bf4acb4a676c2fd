//! The metrics of work queues, under the names that dashboards for Go controllers use.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::line::Line;
use crate::Metrics;

/// The metric families of all work queues of a process.
///
/// `workqueue_depth`, `workqueue_adds_total`, `workqueue_queue_duration_seconds`,
/// `workqueue_work_duration_seconds`, `workqueue_unfinished_work_seconds`,
/// `workqueue_longest_running_processor_seconds` and `workqueue_retries_total`, with the labels `name` and
/// `controller` (both the queue's name); the depth also with `priority`, the number of the band, or `slow` for the
/// lane of hot keys. The two about work in progress are
/// computed at each scrape, not on a timer.
#[derive(Clone)]
pub struct QueueMetrics {
    families: Arc<Families>,
}

struct Families {
    depth: Family<DepthLabels, Gauge>,
    adds: Family<QueueLabels, Counter>,
    retries: Family<QueueLabels, Counter>,
    queue_duration: Family<QueueLabels, Histogram, fn() -> Histogram>,
    work_duration: Family<QueueLabels, Histogram, fn() -> Histogram>,
    watched: Mutex<Vec<Watched>>,
}

/// A queue whose work in progress is looked at on each scrape; the look answers `None` once the queue is
/// gone.
struct Watched {
    labels: QueueLabels,
    look: Box<dyn Fn() -> Option<Vec<Duration>> + Send + Sync>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    name: String,
    controller: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DepthLabels {
    name: String,
    controller: String,
    priority: String,
}

/// From 10 ns to 1000 s, one bucket per power of ten: those of controller-runtime.
fn duration_histogram() -> Histogram {
    Histogram::new([1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0])
}

impl QueueMetrics {
    /// The families of a process's metrics, registered on first use.
    #[must_use]
    pub fn of(metrics: &Metrics) -> Self {
        metrics.component(Self::register)
    }

    fn register(registry: &mut Registry) -> Self {
        let families = Arc::new(Families {
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            queue_duration: Family::new_with_constructor(duration_histogram),
            work_duration: Family::new_with_constructor(duration_histogram),
            watched: Mutex::default(),
        });
        registry.register("workqueue_depth", "Current depth of the work queue", families.depth.clone());
        registry.register("workqueue_adds", "Adds handled by the work queue", families.adds.clone());
        registry.register(
            "workqueue_retries",
            "Delayed adds handled by the work queue",
            families.retries.clone(),
        );
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long a request stays in the work queue before it is handed out",
            families.queue_duration.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long a key from the work queue is worked on",
            families.work_duration.clone(),
        );
        registry.register_collector(Box::new(InProgress(Arc::clone(&families))));
        Self { families }
    }

    /// The metrics of one queue.
    pub(super) fn of_queue(&self, name: &str, has_slow_lane: bool) -> Instruments {
        let families = &self.families;
        let labels = QueueLabels::of(name);
        let depths =
            Depths { name: name.to_owned(), family: families.depth.clone(), bands: Mutex::default() };
        Instruments {
            slow_depth: has_slow_lane.then(|| depths.gauge("slow")),
            depths,
            adds: families.adds.get_or_create(&labels).clone(),
            retries: families.retries.get_or_create(&labels).clone(),
            queue_duration: families.queue_duration.get_or_create(&labels).clone(),
            work_duration: families.work_duration.get_or_create(&labels).clone(),
        }
    }

    /// Looks at a queue's work in progress on each scrape, until `look` answers `None`.
    pub(super) fn watch(&self, name: &str, look: impl Fn() -> Option<Vec<Duration>> + Send + Sync + 'static) {
        let watched = Watched { labels: QueueLabels::of(name), look: Box::new(look) };
        self.families.watched.lock().push(watched);
    }
}

impl QueueLabels {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), controller: name.to_owned() }
    }
}

/// The metrics of one queue, looked up once.
pub(super) struct Instruments {
    depths: Depths,
    slow_depth: Option<Gauge>,
    pub(super) adds: Counter,
    pub(super) retries: Counter,
    pub(super) queue_duration: Histogram,
    pub(super) work_duration: Histogram,
}

/// The depth of each band, in the order in which bands were first used.
struct Depths {
    name: String,
    family: Family<DepthLabels, Gauge>,
    bands: Mutex<Vec<Gauge>>,
}

impl Depths {
    fn gauge(&self, priority: &str) -> Gauge {
        let (name, controller) = (self.name.clone(), self.name.clone());
        self.family.get_or_create(&DepthLabels { name, controller, priority: priority.to_owned() }).clone()
    }
}

impl Instruments {
    pub(super) fn set_depths(&self, line: &Line) {
        let mut bands = self.depths.bands.lock();
        for (number, (priority, depth)) in line.depths().enumerate() {
            if number == bands.len() {
                bands.push(self.depths.gauge(&priority.number().to_string()));
            }
            bands[number].set(i64::try_from(depth).unwrap_or(i64::MAX));
        }
        if let Some(slow) = &self.slow_depth {
            slow.set(i64::try_from(line.slow_depth()).unwrap_or(i64::MAX));
        }
    }
}

struct InProgress(Arc<Families>);

impl Collector for InProgress {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut looks = Vec::new();
        self.0.watched.lock().retain(|watched| {
            let look = (watched.look)();
            looks.extend(look.iter().map(|running| {
                let total = running.iter().sum::<Duration>().as_secs_f64();
                let longest = running.iter().max().copied().unwrap_or_default().as_secs_f64();
                (watched.labels.clone(), total, longest)
            }));
            look.is_some()
        });
        let unfinished = "Seconds of work in progress that work_duration has not seen yet";
        let longest = "How long the longest-running worker has been at its key";
        let mut encode = |name: &str, help: &str, value: fn(&(QueueLabels, f64, f64)) -> f64| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for look in &looks {
                ConstGauge::new(value(look)).encode(family.encode_family(&look.0)?)?;
            }
            Ok(())
        };
        encode("workqueue_unfinished_work_seconds", unfinished, |look| look.1)?;
        encode("workqueue_longest_running_processor_seconds", longest, |look| look.2)
    }
}

impl fmt::Debug for InProgress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InProgress").finish_non_exhaustive()
    }
}

impl fmt::Debug for QueueMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("QueueMetrics").finish_non_exhaustive()
    }
}
