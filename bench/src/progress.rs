//! What the one who waits is told.

use std::time::Instant;

/// Says what is under way, and since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn say(&self, what: &str) {
        eprintln!("{:>4} s  {what}", self.started.elapsed().as_secs());
    }
}
