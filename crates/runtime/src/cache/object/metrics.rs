//! What is counted when objects come in and are decoded.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The counters of one intake. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct IntakeMetrics {
    pub(super) unreadable: Counter,
    pub(super) decoded: Counter,
    pub(super) decoded_dropped: Counter,
    pub(super) decoded_bytes: Gauge,
    pub(super) dictionaries: Counter,
    /// How many bytes objects take less than when they came, because they were packed again.
    pub(super) repacked: Gauge,
}

impl IntakeMetrics {
    /// The same counters with gauges of their own, for another intake that goes on counting.
    pub(in crate::cache) fn with_new_gauges(&self) -> Self {
        Self { decoded_bytes: Gauge::default(), repacked: Gauge::default(), ..self.clone() }
    }

    /// Objects that do not fit the type that they are decoded into when they come in.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable.get()
    }

    /// Objects decoded and kept decoded.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        self.decoded.get()
    }

    /// Decoded forms dropped because they exceeded the budget.
    #[must_use]
    pub fn decoded_dropped(&self) -> u64 {
        self.decoded_dropped.get()
    }

    /// The estimated size of the decoded forms kept, in bytes.
    #[must_use]
    pub fn decoded_bytes(&self) -> u64 {
        u64::try_from(self.decoded_bytes.get()).unwrap_or_default()
    }

    /// Compression dictionaries trained, in compact residence.
    #[must_use]
    pub fn dictionaries(&self) -> u64 {
        self.dictionaries.get()
    }

    /// How many bytes less than `CachedObject::first_size` says the
    /// objects take, all together.
    pub(in crate::cache) fn repacked(&self) -> u64 {
        u64::try_from(self.repacked.get()).unwrap_or_default()
    }
}
