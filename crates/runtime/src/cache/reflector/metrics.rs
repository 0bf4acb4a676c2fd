//! What a reflector counts.

use pilothouse_machinery::ResourceType;
use prometheus_client::metrics::counter::Counter;

use super::ListCause;
use crate::cache::InformerTrouble;
use crate::cache::trouble::Health;
use crate::metrics::{CounterFamily, Metrics};

/// The counters of one reflector. The label `resource` reads `jobs.batch/v1`.
#[derive(Clone, Debug)]
pub(crate) struct ReflectorMetrics {
    resource: String,
    lists: CounterFamily,
    watches: CounterFamily,
    /// One per known type of event, because they are counted often.
    events: [(&'static str, Counter); 4],
    skipped: CounterFamily,
    failures: CounterFamily,
    health: Health,
}

impl ReflectorMetrics {
    pub(crate) fn new(metrics: &Metrics, resource: &ResourceType) -> Self {
        let resource = resource.to_string();
        let events = metrics.counter("pilothouse_reflector_events", "Events of watches, by type");
        let events = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
            .map(|event_type| (event_type, events.with(&[("resource", &resource), ("type", event_type)])));
        Self {
            events,
            lists: metrics.counter("pilothouse_reflector_lists", "Lists begun, by cause"),
            watches: metrics.counter("pilothouse_reflector_watches", "Watches opened"),
            skipped: metrics.counter("pilothouse_reflector_skipped", "Events and items skipped, by reason"),
            failures: metrics.counter("pilothouse_reflector_failures", "Failed lists and watches, by reason"),
            health: Health::default(),
            resource,
        }
    }

    /// The same, with another place to say what keeps the reflector from following.
    pub(crate) fn with_health(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// Says what keeps the reflector from following.
    pub(super) fn trouble(&self, trouble: InformerTrouble) {
        tracing::warn!(error = %trouble, reason = trouble.reason(), "an informer is kept from following");
        self.health.set(Some(trouble));
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
        if let Some((_, counter)) = self.events.iter().find(|(known, _)| *known == event_type) {
            counter.inc();
        }
    }

    pub(super) fn skip(&self, reason: &str) {
        self.skipped.with(&[("resource", &self.resource), ("reason", reason)]).inc();
    }

    pub(super) fn failure(&self, reason: &str) {
        self.failures.with(&[("resource", &self.resource), ("reason", reason)]).inc();
    }
}
