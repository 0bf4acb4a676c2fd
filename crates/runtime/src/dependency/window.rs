//! How the calls of the last while ended.

use std::time::Duration;

use tokio::time::Instant;

const SLICES: usize = 10;

/// Calls of a sliding window of time, in ten slices.
#[derive(Debug)]
pub(super) struct Window {
    slice: Duration,
    /// When the first call ended.
    start: Option<Instant>,
    slices: [Slice; SLICES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    /// Since the start, counted from 1; 0 for one that was never used.
    number: usize,
    tally: Tally,
}

/// Calls, and how many of them failed or were slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let slice = (length / u32::try_from(SLICES).unwrap_or(u32::MAX)).max(Duration::from_nanos(1));
        Self { slice, start: None, slices: Default::default() }
    }

    /// Adds a call that ended at `now`, and says how those in the window ended.
    pub(super) fn add(&mut self, failed: bool, slow: bool, now: Instant) -> Tally {
        let start = *self.start.get_or_insert(now);
        let since = now.saturating_duration_since(start).as_nanos() / self.slice.as_nanos();
        let number = usize::try_from(since).unwrap_or(usize::MAX / 2) + 1;
        let slice = &mut self.slices[number % SLICES];
        if slice.number != number {
            *slice = Slice { number, tally: Tally::default() };
        }
        slice.tally.add(Tally { calls: 1, failed: failed.into(), slow: slow.into() });
        let mut sum = Tally::default();
        self.slices
            .iter()
            .filter(|slice| slice.number + SLICES > number)
            .for_each(|slice| sum.add(slice.tally));
        sum
    }

    /// Forgets all calls.
    pub(super) fn clear(&mut self) {
        self.slices = Default::default();
    }
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.calls = self.calls.saturating_add(more.calls);
        self.failed = self.failed.saturating_add(more.failed);
        self.slow = self.slow.saturating_add(more.slow);
    }
}
