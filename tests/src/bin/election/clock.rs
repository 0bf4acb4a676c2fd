//! The clock that all processes of one machine share.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time since some moment that is the same for every process of this machine (`CLOCK_MONOTONIC`).
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}
