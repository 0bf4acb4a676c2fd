//! What a reflector counts, and where it says what is in its way.

use std::ops::Deref;
use std::sync::Arc;

use pilothouse_machinery::ResourceType;
use tokio::time::Instant;

use crate::cache::InformerTrouble;
use crate::cache::metrics::{CacheMetrics, Identity, Instruments};
use crate::cache::trouble::Health;
use crate::metrics::Metrics;

/// Where one reflector counts, and says what keeps it from following.
#[derive(Clone, Debug)]
pub(crate) struct ReflectorMetrics {
    instruments: Arc<Instruments>,
    health: Health,
}

impl ReflectorMetrics {
    /// Of a reflector that feeds no informer, under a name of its own.
    pub(crate) fn new(metrics: &Metrics, name: &str, resource: &ResourceType) -> Self {
        let instruments = CacheMetrics::of(metrics).reflector(&Identity::new(name, resource));
        Self { instruments, health: Health::default() }
    }

    /// Of an informer's reflector.
    pub(in crate::cache) fn of(instruments: &Arc<Instruments>, health: &Health) -> Self {
        Self { instruments: Arc::clone(instruments), health: health.clone() }
    }

    /// Says by when the step that begins is over.
    pub(super) fn due_at(&self, due: Instant) {
        self.health.pulse().due_at(due);
    }

    /// Says what keeps the reflector from following.
    pub(super) fn trouble(&self, trouble: InformerTrouble) {
        tracing::warn!(error = %trouble, reason = trouble.reason(), "an informer is kept from following");
        self.health.set(Some(trouble));
    }
}

impl Deref for ReflectorMetrics {
    type Target = Instruments;

    fn deref(&self) -> &Instruments {
        &self.instruments
    }
}
