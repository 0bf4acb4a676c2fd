//! What an informer shows of itself.

use pilothouse_machinery::ResourceType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::cache::Store;
use crate::metrics::Metrics;

/// How far the cache is, how large, and how often a read of it failed.
#[derive(Debug)]
pub(super) struct Gauges {
    resource_version: Gauge,
    objects: Gauge,
    unreadable: Counter,
}

impl Gauges {
    pub(super) fn new(metrics: &Metrics, resource: &ResourceType) -> Self {
        let version =
            metrics.gauge("informer_store_resource_version", "Last 15 digits of the cache's version");
        let objects = metrics.gauge("pilothouse_informer_objects", "Objects in the cache");
        let unreadable = metrics.counter(
            "pilothouse_informer_unreadable",
            "Reads of objects in the cache that do not fit the type asked for",
        );
        let resource = resource.to_string();
        let labels = [("resource", &*resource)];
        Self {
            resource_version: version.with(&labels),
            objects: objects.with(&labels),
            unreadable: unreadable.with(&labels),
        }
    }

    pub(super) fn show(&self, store: &Store) {
        let snapshot = store.snapshot();
        let version = snapshot.resource_version().number().unwrap_or_default() % 1_000_000_000_000_000;
        self.resource_version.set(i64::try_from(version).unwrap_or_default());
        self.objects.set(i64::try_from(snapshot.len()).unwrap_or(i64::MAX));
    }

    pub(super) fn count_unreadable(&self) {
        self.unreadable.inc();
    }
}
