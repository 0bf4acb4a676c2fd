//! The registry.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Metric, Registry};

use super::families::{Buckets, CounterFamily, FloatGaugeFamily, GaugeFamily, HistogramFamily};

/// The metrics of one process.
///
/// **Guarantees.** Cheap to clone; clones share one registry. Asking twice for a family of one name and kind
/// gives the same family, so two clients or two controllers share their series instead of exporting twice.
#[derive(Clone, Default)]
pub struct Metrics {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    registry: Registry,
    families: BTreeMap<String, Box<dyn Any + Send>>,
    components: Vec<Box<dyn Any + Send>>,
    sources: Vec<Arc<dyn Source>>,
}

/// What reads what it shows at each scrape.
pub(crate) trait Source: Send + Sync {
    /// Takes the readings. Nothing of the registry is locked meanwhile: what is read may hold locks of its own while
    /// it counts, or asks for a family.
    fn gather(&self) -> Box<dyn Collector>;
}

impl Metrics {
    /// The media type of what [`encode`](Self::encode) writes.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters called `name`, exported as `<name>_total`; give the name without that ending.
    pub fn counter(&self, name: &str, help: &str) -> CounterFamily {
        self.family(name, help, || CounterFamily(Family::default()), |family| family.0.clone())
    }

    /// The whole-number gauges called `name`.
    pub fn gauge(&self, name: &str, help: &str) -> GaugeFamily {
        self.family(name, help, || GaugeFamily(Family::default()), |family| family.0.clone())
    }

    /// The fractional gauges called `name`.
    pub fn float_gauge(&self, name: &str, help: &str) -> FloatGaugeFamily {
        self.family(name, help, || FloatGaugeFamily(Family::default()), |family| family.0.clone())
    }

    /// The histograms called `name`, with these upper bounds of buckets. The first call decides the buckets.
    pub fn histogram(&self, name: &str, help: &str, buckets: &'static [f64]) -> HistogramFamily {
        let create = || HistogramFamily(Family::new_with_constructor(Buckets(buckets)));
        self.family(name, help, create, |family| family.0.clone())
    }

    /// The family of `name`; a name taken by another kind of metric gives one that is not exported, and logs.
    fn family<F: Clone + Send + 'static, M: Metric>(
        &self,
        name: &str,
        help: &str,
        create: impl FnOnce() -> F,
        metric: impl FnOnce(&F) -> M,
    ) -> F {
        let mut shared = self.shared.lock();
        if let Some(existing) = shared.families.get(name) {
            return existing.downcast_ref::<F>().cloned().unwrap_or_else(|| {
                tracing::error!(metric = name, "metric name is used for two kinds of metric");
                create()
            });
        }
        let family = create();
        shared.registry.register(name, help, metric(&family));
        shared.families.insert(name.to_owned(), Box::new(family.clone()));
        family
    }

    /// A set of metrics that registers itself: `create` is called the first time a `T` is asked for, and its
    /// result shared after that.
    pub fn component<T: Clone + Send + 'static>(&self, create: impl FnOnce(&mut Registry) -> T) -> T {
        let mut shared = self.shared.lock();
        if let Some(existing) = shared.components.iter().find_map(|component| component.downcast_ref::<T>()) {
            return existing.clone();
        }
        let component = create(&mut shared.registry);
        shared.components.push(Box::new(component.clone()));
        component
    }

    /// A source of readings: `create` is called the first time a `T` is asked for, and its result shared after that.
    pub(crate) fn source<T: Source + Clone + 'static>(&self, create: impl FnOnce() -> T) -> T {
        let mut shared = self.shared.lock();
        if let Some(existing) = shared.components.iter().find_map(|component| component.downcast_ref::<T>()) {
            return existing.clone();
        }
        let source = create();
        shared.components.push(Box::new(source.clone()));
        shared.sources.push(Arc::new(source.clone()));
        source
    }

    /// All metrics as `OpenMetrics` text.
    #[must_use]
    pub fn encode(&self) -> String {
        let sources = self.shared.lock().sources.clone();
        let mut gathered = Registry::default();
        for source in sources {
            gathered.register_collector(source.gather());
        }
        let mut text = String::new();
        let written = text::encode_registry(&mut text, &self.shared.lock().registry)
            .and_then(|()| text::encode_registry(&mut text, &gathered))
            .and_then(|()| text::encode_eof(&mut text));
        if let Err(error) = written {
            tracing::error!(%error, "cannot write metrics as text");
        }
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_family_whoever_asks() {
        let metrics = Metrics::new();
        metrics.counter("requests", "Requests").with(&[("code", "200")]).inc();
        metrics.clone().counter("requests", "Requests").with(&[("code", "200")]).inc();
        metrics.histogram("seconds", "Time", &[0.5, 1.0]).with(&[]).observe(0.7);
        let text = metrics.encode();
        assert!(text.contains("requests_total{code=\"200\"} 2\n"), "{text}");
        assert!(text.contains("seconds_bucket{le=\"1.0\"} 1\n"), "{text}");
        assert_eq!(text.matches("# TYPE requests counter").count(), 1, "{text}");
    }

    #[test]
    fn a_source_may_ask_for_families_while_it_is_read() {
        #[derive(Clone)]
        struct Asking(Metrics);
        #[derive(Debug)]
        struct Nothing;
        impl Source for Asking {
            fn gather(&self) -> Box<dyn Collector> {
                self.0.counter("asked", "Asked").with(&[]).inc();
                Box::new(Nothing)
            }
        }
        impl Collector for Nothing {
            fn encode(&self, _: prometheus_client::encoding::DescriptorEncoder<'_>) -> std::fmt::Result {
                Ok(())
            }
        }
        assert!(crate::testing::ends(|| {
            let metrics = Metrics::new();
            metrics.source(|| Asking(metrics.clone()));
            assert!(metrics.encode().contains("asked_total{} 1\n"));
        }));
    }

    #[test]
    fn a_name_used_for_two_kinds_keeps_the_first() {
        let metrics = Metrics::new();
        metrics.gauge("depth", "Depth").with(&[]).set(3);
        metrics.counter("depth", "Depth").with(&[]).inc();
        assert!(metrics.encode().contains("depth{} 3\n"));
    }
}
