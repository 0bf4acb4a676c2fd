//! A time limit for many waits, one after the other.

use std::pin::Pin;
use std::time::Duration;

use futures::future::poll_fn;
use tokio::time::{Instant, Sleep};

/// Longer than any process runs, short enough for any clock.
const FAR: Duration = Duration::from_hours(30 * 365 * 24);

/// When `wait` from `now` is over; in thirty years where the clock does not reach so far.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or_else(|| now + FAR)
}

/// A timer that is kept from wait to wait, because to arm one for each piece of a body costs more than to read it:
/// it is set anew only when it rings too early, or when the limit of a wait is earlier than the last.
pub(crate) struct Patience {
    alarm: Pin<Box<Sleep>>,
}

impl Patience {
    /// A timer set for `until`.
    pub(crate) fn new(until: Instant) -> Self {
        Self { alarm: Box::pin(tokio::time::sleep_until(until)) }
    }

    /// What `work` gives; `None` when the time is up before.
    pub(crate) async fn wait<F: Future>(&mut self, until: Instant, work: F) -> Option<F::Output> {
        let mut work = std::pin::pin!(work);
        let alarm = &mut self.alarm;
        poll_fn(|context| {
            if let std::task::Poll::Ready(output) = work.as_mut().poll(context) {
                return std::task::Poll::Ready(Some(output));
            }
            if until < alarm.deadline() {
                alarm.as_mut().reset(until);
            }
            while alarm.as_mut().poll(context).is_ready() {
                if alarm.deadline() >= until {
                    return std::task::Poll::Ready(None);
                }
                alarm.as_mut().reset(until);
            }
            std::task::Poll::Pending
        })
        .await
    }
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Patience").field("until", &self.alarm.deadline()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_wait_ends_at_its_own_limit_whether_later_or_earlier_than_the_one_before() {
        let start = Instant::now();
        let mut patience = Patience::new(start + Duration::from_secs(5));
        assert_eq!(patience.wait(start + Duration::from_secs(5), ready(7)).await, Some(7));
        for (until, now) in [(9, 9), (12, 12), (10, 12), (13, 13)] {
            let waited = patience.wait(start + Duration::from_secs(until), pending::<()>()).await;
            assert_eq!((waited, start.elapsed()), (None, Duration::from_secs(now)));
        }
        let soon = tokio::time::sleep(Duration::from_secs(1));
        assert_eq!(patience.wait(start + Duration::from_mins(1), soon).await, Some(()));
        let waited = patience.wait(start + Duration::from_secs(20), pending::<()>()).await;
        assert_eq!((waited, start.elapsed()), (None, Duration::from_secs(20)));
    }

    #[test]
    fn a_wait_that_no_clock_can_show_ends_in_thirty_years() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        for wait in [Duration::MAX, Duration::MAX / 2] {
            assert!(after(now, wait) >= now + FAR);
        }
    }
}
