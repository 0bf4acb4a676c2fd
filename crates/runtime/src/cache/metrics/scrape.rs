//! Readings written as series.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::time::Instant;

use super::reasons::Reasons;
use super::series;
use super::{Identity, InformerReading, Instruments, Reading};

/// What all subjects showed at one time.
pub(super) struct Scrape {
    pub(super) now: Instant,
    pub(super) readings: Vec<(Identity, Reading)>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut writer = Writer { scrape: self, encoder };
        series::reflectors(&mut writer)?;
        series::informers(&mut writer)?;
        series::intakes(&mut writer)?;
        series::subscribers(&mut writer)
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scrape").field("subjects", &self.readings.len()).finish_non_exhaustive()
    }
}

/// One series of a subject: a label beside those of the subject, if there is one, and the value.
pub(super) type Row<'a, V> = (Option<(&'static str, &'a str)>, V);

/// Writes one family of series after the other.
pub(super) struct Writer<'a, 'e> {
    scrape: &'a Scrape,
    encoder: DescriptorEncoder<'e>,
}

impl<'a> Writer<'a, '_> {
    pub(super) fn now(&self) -> Instant {
        self.scrape.now
    }

    /// A family of any kind.
    pub(super) fn family<V, M: EncodeMetric>(
        &mut self,
        (name, help, kind): (&str, &str, MetricType),
        rows: impl Fn(&'a Reading) -> Vec<Row<'a, V>>,
        metric: impl Fn(V) -> M,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (identity, reading) in &self.scrape.readings {
            for (label, value) in rows(reading) {
                let mut labels = identity.labels();
                labels.extend(label);
                metric(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// Counters by reason: one series for each that was met.
    pub(super) fn reasons(
        &mut self,
        name: &str,
        help: &str,
        reasons: impl Fn(&'a Instruments) -> &'a Reasons,
    ) -> fmt::Result {
        let rows = |reading: &'a Reading| {
            let counts = reasons(&reading.instruments).all();
            counts.into_iter().map(|(reason, count)| (Some(("reason", reason)), count)).collect()
        };
        self.family((name, help, MetricType::Counter), rows, ConstCounter::new)
    }

    /// A counter of informers.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&'a Instruments) -> u64,
    ) -> fmt::Result {
        let rows = |reading: &'a Reading| {
            reading.informer.iter().map(|_| (None, value(&reading.instruments))).collect()
        };
        self.family((name, help, MetricType::Counter), rows, ConstCounter::new)
    }

    /// A gauge of informers.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&'a InformerReading) -> Option<u64>,
    ) -> fmt::Result {
        let value = |reading: &'a Reading| reading.informer.as_ref().and_then(&value);
        let rows = |reading: &'a Reading| value(reading).into_iter().map(|value| (None, value)).collect();
        self.family((name, help, MetricType::Gauge), rows, ConstGauge::new)
    }
}
