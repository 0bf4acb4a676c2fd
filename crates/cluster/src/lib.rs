//! A simulated cluster: the controllers that make jobs run, as ordinary Pilothouse controllers.

mod discovery;
mod garbage;
mod hash;
mod job;
mod kubelet;
mod namespace;
mod nodes;
mod options;
mod pace;
mod scheduler;
mod status_write;

pub use options::{ClusterOptions, SimulatedNode};
