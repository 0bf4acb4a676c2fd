//! Time as the rules of the queue see it.

use std::time::Duration;

/// Further than any process runs, near enough that adding it to a clock cannot overflow.
const FAR: Duration = Duration::from_hours(30 * 365 * 24);

/// Nanoseconds since the queue was made: half the size of an `Instant`, and good for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(u64);

impl Time {
    pub(super) fn from_start(elapsed: Duration) -> Self {
        Self(nanoseconds(elapsed))
    }

    pub(super) fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// A delay beyond thirty years counts as thirty years.
    pub(super) fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(delay.min(FAR))))
    }

    /// Zero where `delay` reaches further back than the start.
    pub(super) fn before(self, delay: Duration) -> Self {
        Self(self.0.saturating_sub(nanoseconds(delay)))
    }

    /// How long ago `earlier` was; zero where it was not.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// As a number that can be compared after something was added that may be negative.
    pub(super) fn rank(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
