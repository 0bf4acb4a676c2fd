//! The metrics of one process: a registry that hands out families by name.

mod families;
mod registry;

pub use families::{CounterFamily, FloatGaugeFamily, GaugeFamily, HistogramFamily};
pub use registry::Metrics;
pub(crate) use registry::Source;
