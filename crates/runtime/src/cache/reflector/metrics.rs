//! What a reflector counts.

use pilothouse_machinery::ResourceType;

use super::ListCause;
use crate::metrics::{CounterFamily, Metrics};

/// The counters of one reflector. The label `resource` reads `jobs.batch/v1`.
#[derive(Clone, Debug)]
pub(crate) struct ReflectorMetrics {
    resource: String,
    lists: CounterFamily,
    watches: CounterFamily,
    events: CounterFamily,
    skipped: CounterFamily,
    failures: CounterFamily,
}

impl ReflectorMetrics {
    pub(crate) fn new(metrics: &Metrics, resource: &ResourceType) -> Self {
        Self {
            resource: resource.to_string(),
            lists: metrics.counter("pilothouse_reflector_lists", "Lists begun, by cause"),
            watches: metrics.counter("pilothouse_reflector_watches", "Watches opened"),
            events: metrics.counter("pilothouse_reflector_events", "Events of watches, by type"),
            skipped: metrics.counter("pilothouse_reflector_skipped", "Events and items skipped, by reason"),
            failures: metrics.counter("pilothouse_reflector_failures", "Failed lists and watches, by reason"),
        }
    }

    pub(super) fn list(&self, cause: ListCause) {
        let cause = match cause {
            ListCause::Initial => "Initial",
            ListCause::Expired => "Expired",
            ListCause::WatchFailed => "WatchFailed",
        };
        self.lists.with(&[("resource", &self.resource), ("cause", cause)]).inc();
    }

    pub(super) fn watch(&self) {
        self.watches.with(&[("resource", &self.resource)]).inc();
    }

    pub(super) fn event(&self, event_type: &str) {
        self.events.with(&[("resource", &self.resource), ("type", event_type)]).inc();
    }

    pub(super) fn skip(&self, reason: &str) {
        self.skipped.with(&[("resource", &self.resource), ("reason", reason)]).inc();
    }

    pub(super) fn failure(&self, reason: &str) {
        self.failures.with(&[("resource", &self.resource), ("reason", reason)]).inc();
    }
}
