//! How a journal behaves.

use std::time::Duration;

/// How a journal batches, buffers and retries.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// Entries per batch at most.
    pub batch_entries: usize,
    /// How long a batch waits for more entries after its first.
    pub batch_wait: Duration,
    /// Bytes of objects read from the server and not yet committed, at most (one object may exceed it). When it
    /// is full, reading stops until the sink has caught up: nothing is dropped here. A server that ends the watch
    /// of so slow a reader, and forgets, shows as a gap.
    pub buffer_bytes: usize,
    /// The least time between two commits that move nothing but the position.
    pub bookmark_interval: Duration,
    /// The first pause after a failed commit; it doubles with each further failure.
    pub first_pause: Duration,
    /// The longest pause after a failed commit.
    pub longest_pause: Duration,
    /// How long the commit under way at shutdown may take.
    pub shutdown_grace: Duration,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            batch_entries: 200,
            batch_wait: Duration::from_millis(20),
            buffer_bytes: 64 << 20,
            bookmark_interval: Duration::from_secs(10),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}
