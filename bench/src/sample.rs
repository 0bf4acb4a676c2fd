//! What one measurement says. The Go program writes the same JSON.

use serde::{Deserialize, Serialize};

/// One process's numbers. Memory is in MiB.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sample {
    /// Resident before the client was made.
    pub(crate) baseline_mib: f64,
    /// From making the client to the last object of the first list in the subscriber's hands.
    pub(crate) list: Cost,
    /// Largest resident memory up to then.
    pub(crate) list_peak_mib: f64,
    /// Resident half a second later; in Go after two forced collections.
    pub(crate) list_resident_mib: f64,
    /// The same without forced collections.
    pub(crate) list_resident_raw_mib: f64,
    /// The events, when there were any.
    pub(crate) watch: Option<WatchSample>,
    /// The relist, when there was one.
    pub(crate) relist: Option<RelistSample>,
    /// What happened beside a sleeping subscriber, when there was one.
    #[serde(default)]
    pub(crate) sleeper: Option<SleeperSample>,
}

/// The events' part of a [`Sample`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct WatchSample {
    /// From the start signal to the last event in the subscriber's hands (in the store, if the subscriber sleeps).
    pub(crate) cost: Cost,
    /// CPU of the process without the reading threads'.
    pub(crate) writer_cpu_seconds: f64,
    /// How many changes the subscriber took; fewer than events where changes of one object were merged.
    pub(crate) taken: u64,
    /// How often readers listed everything.
    pub(crate) lists: u64,
    /// With a paced feed: how late the latest event came, in milliseconds.
    pub(crate) latest_ms: u64,
    /// Largest resident memory since the process began.
    pub(crate) peak_mib: f64,
    /// Resident half a second later.
    pub(crate) resident_mib: f64,
}

/// The relist's part of a [`Sample`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct RelistSample {
    /// From the loss of history to one second after the new list is in the store, without the reader's CPU.
    pub(crate) cost: Cost,
    /// What the reader waited.
    pub(crate) stalls: Stalls,
    /// What it waited in a second before, while nothing happened.
    pub(crate) idle: Stalls,
    /// Largest resident memory of the relist.
    pub(crate) peak_mib: f64,
    /// Resident memory at its end.
    pub(crate) resident_mib: f64,
}

/// What happened beside a sleeping subscriber.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct SleeperSample {
    /// Largest resident memory of the events while one slept.
    pub(crate) peak_mib: f64,
    /// Merged changes that waited for it.
    pub(crate) waiting_changes: usize,
    /// Bytes that waited for it, where it is lossless.
    pub(crate) waiting_bytes: usize,
    /// How many versions the other lossless one was told until nothing more came: fewer than events where the informer
    /// stood still.
    pub(crate) told_beside_sleeper: u64,
    /// The same at the end, the sleeper gone.
    pub(crate) versions: u64,
    /// Events of which the other lossless one was not told, or out of order.
    pub(crate) lost: u64,
    /// Objects whose newest state, as the other merging one was told, is not the server's.
    pub(crate) stale: u64,
}

/// What a reader in a loop waited at most, in milliseconds: by the clock, and ("quiet") less the time that its
/// thread stood in the kernel's queue for a core while it did the same thousand reads.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Stalls {
    pub(crate) get_ms: f64,
    pub(crate) get_quiet_ms: f64,
    /// Listing one namespace, once per thousand gets; 0 where the cache has no such list.
    pub(crate) list_ms: f64,
    pub(crate) list_quiet_ms: f64,
    pub(crate) gets: u64,
    pub(crate) cpu_seconds: f64,
}

/// Time spent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
}
