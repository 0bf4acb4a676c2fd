//! Time as the rules of the queue see it.

use std::time::Duration;

use tokio::time::Instant;

use super::platform::Platform;

/// Further than any process runs, near enough that adding it to a clock cannot overflow.
const FAR: Duration = Duration::from_hours(30 * 365 * 24);

/// Nanoseconds since the queue was made: half the size of an `Instant`, and good for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(u64);

impl Time {
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

    /// How long ago `earlier` was, in seconds; zero where it was not. Makes no [`Duration`], which would be a division.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a nanosecond in four months does not matter to a histogram"
    )]
    pub(super) fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 * 1e-9
    }

    /// As a number that can be compared after something was added that may be negative.
    pub(super) fn rank(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// The time of one step of the queue, which is read when it matters and then stays: reading a clock costs as much as
/// the rest of a step.
pub(super) trait Clock {
    /// The time.
    fn exact(&mut self) -> Time;

    /// Some time between the last that was read and the time: for what nothing depends on.
    fn rough(&self) -> Time;
}

impl Clock for Time {
    fn exact(&mut self) -> Time {
        *self
    }

    fn rough(&self) -> Time {
        *self
    }
}

impl<C: Clock> Clock for &mut C {
    fn exact(&mut self) -> Time {
        (**self).exact()
    }

    fn rough(&self) -> Time {
        (**self).rough()
    }
}

/// The clock of a queue.
pub(super) struct Timepiece<P> {
    platform: P,
    /// When the queue was made.
    start: Instant,
}

impl<P: Platform> Timepiece<P> {
    pub(super) fn start(platform: P) -> Self {
        Self { start: platform.now(), platform }
    }

    pub(super) fn now(&self) -> Time {
        Time(nanoseconds(self.platform.now().saturating_duration_since(self.start)))
    }

    pub(super) async fn sleep_until(&self, due: Time) {
        self.platform.sleep_until(self.start + Duration::from_nanos(due.0)).await;
    }
}

/// What one step sees of it.
pub(super) struct Reading<'a, P> {
    /// The time, or the latest that was read before.
    known: Time,
    /// Tells the time; `None` once it was asked.
    unread: Option<&'a Timepiece<P>>,
}

impl<'a, P> Reading<'a, P> {
    pub(super) fn known(now: Time) -> Self {
        Self { known: now, unread: None }
    }

    pub(super) fn later_than(latest: Time, timepiece: &'a Timepiece<P>) -> Self {
        Self { known: latest, unread: Some(timepiece) }
    }
}

impl<P: Platform> Clock for Reading<'_, P> {
    fn exact(&mut self) -> Time {
        if let Some(timepiece) = self.unread.take() {
            self.known = self.known.max(timepiece.now());
        }
        self.known
    }

    fn rough(&self) -> Time {
        self.known
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
