//! What one measurement says.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What a candidate is pointed at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) objects: u32,
    /// No watch is measured when 0.
    pub(crate) events: u32,
}

/// One process's numbers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    /// From the start of the client to the last object of the first list in the consumer's hands.
    pub(crate) list: Cost,
    /// Largest resident memory up to then, in MiB.
    pub(crate) list_peak_mib: f64,
    /// Resident memory half a second later, in MiB.
    pub(crate) list_resident_mib: f64,
    /// The events, when there were any.
    pub(crate) watch: Option<WatchSample>,
}

/// The events' part of a [`Sample`].
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct WatchSample {
    /// From the start signal to the last event in the consumer's hands.
    pub(crate) cost: Cost,
    /// How many changes the consumer took; fewer than events where changes of one object were merged.
    pub(crate) taken: u32,
    /// Resident memory half a second later, in MiB.
    pub(crate) resident_mib: f64,
}

/// Time spent.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
}
