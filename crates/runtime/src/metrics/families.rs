//! Families of metrics: one name, one metric per combination of label values.

use std::fmt;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Label names and values of one metric.
pub(super) type Labels = Vec<(&'static str, String)>;
/// A gauge that holds a fraction.
type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Buckets(pub(super) &'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Labels {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

macro_rules! family {
    ($(#[$doc:meta])* $name:ident, $metric:ty, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(pub(super) $inner);

        impl $name {
            /// The metric of these label values, created at zero when new. Keep it where it is used often:
            /// the look-up takes a lock and copies the labels.
            pub fn with(&self, labels: &[(&'static str, &str)]) -> $metric {
                self.0.get_or_create_owned(&owned(labels))
            }

            /// Forgets the metric of these label values; whether there was one.
            pub fn remove(&self, labels: &[(&'static str, &str)]) -> bool {
                self.0.remove(&owned(labels))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

family!(
    /// Counters of one name. The exported name ends in `_total`.
    CounterFamily, Counter, Family<Labels, Counter>
);
family!(
    /// Gauges of one name that hold whole numbers.
    GaugeFamily, Gauge, Family<Labels, Gauge>
);
family!(
    /// Gauges of one name that hold fractions.
    FloatGaugeFamily, FloatGauge, Family<Labels, FloatGauge>
);
family!(
    /// Histograms of one name and one set of buckets.
    HistogramFamily, Histogram, Family<Labels, Histogram, Buckets>
);
