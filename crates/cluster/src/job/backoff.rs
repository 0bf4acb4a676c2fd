//! How long a job waits after failed pods before it makes new ones.

use std::time::Duration;

use jiff::Timestamp;

use super::view::{self, JobView};
use crate::pace::{after, until};

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(6);

/// The simulated delay after so many failures in a row: 10 s, doubling, at most six minutes.
pub(crate) fn delay(failures: usize) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    let factor = u32::try_from(doublings).ok().and_then(|doublings| 2_u32.checked_pow(doublings));
    factor.and_then(|factor| FIRST.checked_mul(factor)).unwrap_or(LONGEST).min(LONGEST)
}

/// What is left of the delay after the newest failure. A success ends a row of failures; pods that somebody deleted
/// are no sign of trouble and do not count.
pub(crate) fn remaining(view: &JobView<'_>) -> Duration {
    let finished = |wanted: &'static str| {
        let pods = view.pods.iter().filter(move |pod| view::phase(pod) == wanted && !view::is_deleting(pod));
        pods.map(|pod| view.finished_at(pod))
    };
    let last_success = finished("Succeeded").max().unwrap_or(Timestamp::MIN);
    let failures: Vec<Timestamp> = finished("Failed").filter(|moment| *moment > last_success).collect();
    failures
        .iter()
        .max()
        .map_or(Duration::ZERO, |newest| until(after(*newest, view.scaled(delay(failures.len()))), view.now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_from_ten_seconds_to_six_minutes() {
        let seconds: Vec<u64> =
            [0, 1, 2, 3, 6, 7, 40, 1000].map(|failures| delay(failures).as_secs()).to_vec();
        assert_eq!(seconds, [0, 10, 20, 40, 320, 360, 360, 360]);
    }
}
