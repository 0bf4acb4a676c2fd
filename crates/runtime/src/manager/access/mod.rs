//! Who may read metrics and dead letters, and change the latter.
//!
//! Probes are for everybody: kubelet shows no token. Everything else passes the [`Gate`].

mod gate;
mod policy;
mod reviewer;
mod shelf;
#[cfg(test)]
mod tests;
mod token;

pub(super) use gate::{Gate, Refusal};
pub use policy::MetricsAccess;
