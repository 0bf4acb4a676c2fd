//! What is counted when objects come in and are decoded.

use pilothouse_machinery::ResourceType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// The counters of one intake. The label `resource` reads `jobs.batch/v1`. The default counts for nobody.
#[derive(Clone, Debug, Default)]
pub struct IntakeMetrics {
    pub(super) unreadable: Counter,
    pub(super) decoded: Counter,
    pub(super) decoded_dropped: Counter,
    pub(super) decoded_bytes: Gauge,
    pub(super) dictionaries: Counter,
}

impl IntakeMetrics {
    /// The counters of the intake of one type.
    #[must_use]
    pub fn new(metrics: &Metrics, resource: &ResourceType) -> Self {
        let resource = resource.to_string();
        let labels = [("resource", &*resource)];
        let counter = |name, help| metrics.counter(name, help).with(&labels);
        Self {
            unreadable: counter(
                "pilothouse_intake_unreadable",
                "Objects that do not fit the type that the informer decodes them into",
            ),
            decoded: counter("pilothouse_cache_decoded", "Objects decoded and kept decoded"),
            decoded_dropped: counter(
                "pilothouse_cache_decoded_dropped",
                "Decoded forms dropped because they exceeded the budget",
            ),
            decoded_bytes: metrics
                .gauge("pilothouse_cache_decoded_bytes", "Estimated size of the decoded forms kept")
                .with(&labels),
            dictionaries: counter(
                "pilothouse_cache_dictionaries",
                "Compression dictionaries trained for caches in compact residence",
            ),
        }
    }
}
