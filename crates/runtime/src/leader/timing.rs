//! The three times of an election.

use std::time::Duration;

use super::ElectionError;

/// How much longer than the retry period the renew deadline must be: client-go's jitter factor.
const RETRY_MARGIN: f64 = 1.2;

/// How long a lease lasts, how long its holder believes in it, and how often it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait after the last renewal they saw. Whole seconds. A dead leader is followed after this.
    pub lease_duration: Duration,
    /// How long the leader goes on without a renewal that succeeded; shorter than the lease by what the end of its
    /// work may take and clocks may differ in speed.
    pub renew_deadline: Duration,
    /// The time between renewals, and between attempts that failed.
    pub retry_period: Duration,
}

impl Default for Timing {
    /// 15, 10 and 2 seconds, as in Kubernetes' own components.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease_duration: seconds(15), renew_deadline: seconds(10), retry_period: seconds(2) }
    }
}

impl Timing {
    /// Refuses times with which two could lead, or nobody (conformance E8).
    pub(super) fn check(self) -> Result<Self, ElectionError> {
        let Self { lease_duration, renew_deadline, retry_period } = self;
        let problem = if lease_duration.subsec_nanos() != 0 || lease_duration.is_zero() {
            "the lease duration must be a whole number of seconds, at least one"
        } else if i32::try_from(lease_duration.as_secs()).is_err() {
            "the lease duration is too long for a Lease"
        } else if lease_duration <= renew_deadline {
            "the lease duration must be longer than the renew deadline"
        // What is longer by itself is not multiplied: the product might be more than a time can hold.
        } else if renew_deadline <= retry_period || renew_deadline <= retry_period.mul_f64(RETRY_MARGIN) {
            "the renew deadline must be longer than 1.2 times the retry period"
        } else if retry_period.is_zero() {
            "the retry period must be longer than zero"
        } else {
            return Ok(self);
        };
        Err(ElectionError::Timing { timing: self, problem })
    }

    /// How long after the end of a term nobody else leads: what the lease outlives the term by.
    pub(super) fn margin(self) -> Duration {
        self.lease_duration.saturating_sub(self.renew_deadline)
    }

    /// How long one request may take: half of the time there is, so that a second one fits.
    pub(super) fn request_timeout(self) -> Duration {
        self.renew_deadline / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(lease: u64, renew: u64, retry: u64) -> Timing {
        let millis = Duration::from_millis;
        Timing { lease_duration: millis(lease), renew_deadline: millis(renew), retry_period: millis(retry) }
    }

    #[test]
    fn e8_times_with_which_two_could_lead_or_nobody_are_refused() {
        Timing::default().check().expect("the defaults are valid");
        timing(1000, 600, 200).check().expect("short but valid");
        for (lease, renew, retry, word) in [
            (10_000, 10_000, 2000, "longer than the renew deadline"),
            (10_000, 12_000, 2000, "longer than the renew deadline"),
            (15_000, 2400, 2000, "1.2 times"),
            (15_000, 10_000, 0, "longer than zero"),
            (0, 0, 0, "at least one"),
            (1500, 1000, 200, "whole number"),
            (3_000_000_000_000, 10_000, 2000, "too long"),
        ] {
            let error = timing(lease, renew, retry).check().expect_err("invalid").to_string();
            assert!(error.contains(word), "{lease} {renew} {retry}: {error}");
        }
        for retry_period in [Duration::MAX, Duration::MAX / 2] {
            let error =
                Timing { retry_period, ..Timing::default() }.check().expect_err("invalid").to_string();
            assert!(error.contains("1.2 times"), "{retry_period:?}: {error}");
        }
    }
}
