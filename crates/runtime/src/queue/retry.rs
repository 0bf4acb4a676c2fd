//! How long to wait after the n-th failure in a row.

use std::time::Duration;

use pilothouse_machinery::Environment;

/// A retry policy: a pure function from the number of failures in a row to a delay.
///
/// The default doubles from 5 ms up to 1000 s, as client-go's `ItemExponentialFailureRateLimiter` does.
/// Counts are kept per key by the [`WorkQueue`](super::WorkQueue).
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    shape: Shape,
    longest: Duration,
    jitter: f64,
    give_up_after: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Exponential { first: Duration },
    FastThenSlow { fast: Duration, slow: Duration, fast_attempts: u64 },
    Longest(Box<Retry>, Box<Retry>),
}

/// client-go's cap: 1000 s.
const LONGEST: Duration = Duration::from_secs(1000);

impl Retry {
    /// 5 ms after the first failure, doubling with each further one, at most 1000 s.
    #[must_use]
    pub fn exponential() -> Self {
        Self::of(Shape::Exponential { first: Duration::from_millis(5) }, LONGEST)
    }

    /// `fast` after each of the first `fast_attempts` failures, `slow` after each later one.
    #[must_use]
    pub fn fast_then_slow(fast: Duration, slow: Duration, fast_attempts: u64) -> Self {
        Self::of(Shape::FastThenSlow { fast, slow, fast_attempts }, Duration::MAX)
    }

    /// The longer delay of two policies.
    #[must_use]
    pub fn longest_of(one: Self, two: Self) -> Self {
        Self::of(Shape::Longest(Box::new(one), Box::new(two)), Duration::MAX)
    }

    fn of(shape: Shape, longest: Duration) -> Self {
        Self { shape, longest, jitter: 0.0, give_up_after: None }
    }

    /// The delay after the first failure, where the policy is exponential; no effect on others.
    #[must_use]
    pub fn starting_at(mut self, first: Duration) -> Self {
        if let Shape::Exponential { first: current } = &mut self.shape {
            *current = first;
        }
        self
    }

    /// No delay is longer than this.
    #[must_use]
    pub fn at_most(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Shortens each delay by a random part of up to `fraction` (0 to 1), so that keys that failed together
    /// do not all come back together.
    #[must_use]
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Gives up after this many failures in a row (at least one): a controller then parks the object, as a
    /// [dead letter](crate::DeadLetters). Without it, it never does. A queue by itself does not give up; of a
    /// combined policy only what is said of the combination counts.
    #[must_use]
    pub fn give_up_after(mut self, failures: u64) -> Self {
        self.give_up_after = Some(failures.max(1));
        self
    }

    /// The delay after the first failure, where the policy is exponential.
    pub(crate) fn first(&self) -> Option<Duration> {
        match &self.shape {
            Shape::Exponential { first } => Some(*first),
            Shape::FastThenSlow { .. } | Shape::Longest(..) => None,
        }
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    pub(crate) fn gives_up_after(&self) -> Option<u64> {
        self.give_up_after
    }

    /// The same policy, giving up after so many failures or never.
    pub(crate) fn giving_up_after(self, give_up_after: Option<u64>) -> Self {
        Self { give_up_after, ..self }
    }

    /// Whether so many failures in a row are too many.
    #[must_use]
    pub fn is_exhausted(&self, failures: u64) -> bool {
        self.give_up_after.is_some_and(|most| failures >= most)
    }

    /// The delay before the attempt that follows `failures` earlier failures (0 for the first failure),
    /// before jitter.
    #[must_use]
    pub fn delay(&self, failures: u64) -> Duration {
        let delay = match &self.shape {
            Shape::Exponential { first } => {
                let factor = u32::try_from(failures).ok().and_then(|n| 1_u32.checked_shl(n));
                factor.and_then(|factor| first.checked_mul(factor)).unwrap_or(if first.is_zero() {
                    Duration::ZERO
                } else {
                    Duration::MAX
                })
            }
            Shape::FastThenSlow { fast, slow, fast_attempts } => {
                if failures < *fast_attempts {
                    *fast
                } else {
                    *slow
                }
            }
            Shape::Longest(one, two) => one.delay(failures).max(two.delay(failures)),
        };
        delay.min(self.longest)
    }

    /// As [`delay`](Self::delay), with jitter drawn from the environment.
    pub(super) fn drawn(&self, failures: u64, environment: &Environment) -> Duration {
        let delay = self.delay(failures);
        if self.jitter > 0.0 {
            delay.mul_f64(1.0 - self.jitter * environment.random_fraction())
        } else {
            delay
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::exponential()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn q11_delays_double_to_the_cap_and_never_overflow() {
        let retry = Retry::exponential();
        let delays: Vec<_> = (0..5).map(|n| retry.delay(n)).collect();
        assert_eq!(delays, [ms(5), ms(10), ms(20), ms(40), ms(80)]);
        for failures in [18, 31, 32, 63, 64, 1_000_000, u64::MAX] {
            assert_eq!(retry.delay(failures), Duration::from_secs(1000), "after {failures}");
        }
        assert_eq!(retry.delay(17), ms(5 << 17));
        assert_eq!(Retry::exponential().starting_at(Duration::ZERO).delay(40), Duration::ZERO);
        assert_eq!(Retry::exponential().at_most(Duration::MAX).delay(1_000_000), Duration::MAX);
    }

    #[test]
    fn q12_fast_comes_first_then_slow_and_combinations_take_the_longer_and_the_cap() {
        let steps = Retry::fast_then_slow(ms(1), ms(1000), 2);
        let delays: Vec<_> = (0..4).map(|n| steps.delay(n)).collect();
        assert_eq!(delays, [ms(1), ms(1), ms(1000), ms(1000)]);
        let both = Retry::longest_of(steps, Retry::exponential()).at_most(ms(500));
        let delays: Vec<_> = (0..4).map(|n| both.delay(n)).collect();
        assert_eq!(delays, [ms(5), ms(10), ms(500), ms(500)]);
    }

    #[tokio::test(start_paused = true)]
    async fn d1_jitter_only_shortens_and_differs_between_draws() {
        let environment = Environment::simulated(3, jiff::Timestamp::UNIX_EPOCH);
        let retry = Retry::exponential().jitter(0.5);
        let draws: Vec<_> = (0..50).map(|_| retry.drawn(4, &environment)).collect();
        assert!(draws.iter().all(|draw| (ms(40)..=ms(80)).contains(draw)), "{draws:?}");
        assert!(draws.iter().any(|draw| *draw != draws[0]));
    }
}
