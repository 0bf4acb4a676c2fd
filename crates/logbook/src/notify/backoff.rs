//! When to try again.

use std::time::Duration;

use pilothouse_machinery::Environment;

/// How often and how fast a message is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The longest pause after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest pause ever.
    pub longest: Duration,
    /// How many tries a message gets.
    pub tries: u32,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(15), tries: 12 }
    }
}

impl RetrySchedule {
    /// The pause after the `failures`-th failure (from 1): anything up to an exponentially growing bound, so that
    /// messages that failed together do not come back together. A receiver's wish for more is honoured, up to the
    /// longest pause.
    #[must_use]
    pub fn pause(&self, failures: u32, wish: Option<Duration>, environment: &Environment) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let bound = self.first.saturating_mul(doubled).min(self.longest);
        let drawn = bound.mul_f64(environment.random_fraction());
        wish.map_or(drawn, |wish| wish.min(self.longest).max(drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_are_drawn_below_a_doubling_bound_and_never_shorter_than_asked_for() {
        let environment = Environment::seeded(3);
        let schedule = RetrySchedule::default();
        for (failures, bound) in [(1, 1), (2, 2), (5, 16), (11, 900), (40, 900)] {
            let pauses: Vec<_> = (0..200).map(|_| schedule.pause(failures, None, &environment)).collect();
            assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(bound)));
            assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(bound) / 2));
        }
        let asked = schedule.pause(1, Some(Duration::from_secs(30)), &environment);
        assert_eq!(asked, Duration::from_secs(30));
        let far = schedule.pause(1, Some(Duration::from_hours(24)), &environment);
        assert_eq!(far, schedule.longest);
    }
}
