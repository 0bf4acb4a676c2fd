//! The metrics of one process: a registry that hands out families by name. `docs/metrics.md` names every series.

#[cfg(test)]
mod document_tests;
mod families;
mod process;
mod registry;

pub use families::{CounterFamily, FloatGaugeFamily, GaugeFamily, HistogramFamily};
pub(crate) use process::Process;
pub use registry::Metrics;
pub(crate) use registry::Source;
