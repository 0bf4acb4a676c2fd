//! How many retries the whole queue asks for per second.

use std::time::Duration;

use super::time::Time;

/// A bucket of tokens for all retries of a queue together, beside each key's own [`Retry`](super::Retry): a
/// retry waits for the longer of the two.
///
/// It does what client-go's `BucketRateLimiter` is for without its two surprises (kubernetes/kubernetes#104554,
/// controller-runtime#1594): a key holds one token at most and returns it when it is served earlier than the
/// bucket said, and no delay is longer than the cap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// As it was given: it cannot be told from the interval, which is whole nanoseconds.
    per_second: f64,
    interval: Duration,
    burst: u32,
    longest: Duration,
}

impl Bucket {
    /// `per_second` retries per second, after `burst` at once, none later than in a minute. A rate that is no
    /// positive number counts as one retry per thousand seconds, a burst of 0 as one of 1.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Self {
        let per_second = if per_second.is_finite() { per_second.max(0.001) } else { 0.001 };
        let interval = Duration::from_secs_f64(1.0 / per_second);
        Self { per_second, interval, burst: burst.max(1), longest: Duration::from_mins(1) }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.per_second
    }

    pub(crate) fn burst(&self) -> u32 {
        self.burst
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// No delay of the bucket's is longer than this. Keys that would wait longer come together at that time.
    #[must_use]
    pub fn at_most(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }
}

/// A bucket in use.
#[derive(Debug)]
pub(super) struct Tokens {
    bucket: Bucket,
    /// When the next token would come if none were saved up.
    next: Time,
}

impl Tokens {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self { bucket, next: Time::default() }
    }

    /// The delay that a retry takes on, and whether a token was taken for it.
    pub(super) fn take(&mut self, now: Time) -> (Duration, bool) {
        let Bucket { interval, burst, longest, .. } = self.bucket;
        // Bounded so that the time when the bucket was full is not before the start of time.
        let saved = interval.saturating_mul(burst);
        let next = self.next.max(now.after(interval));
        let delay = next.since(now).saturating_sub(saved);
        if delay > longest {
            return (longest, false);
        }
        self.next = next.after(interval);
        (delay, true)
    }

    /// Returns a token that was not needed.
    pub(super) fn put_back(&mut self) {
        self.next = self.next.before(self.bucket.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Time {
        Time::default().after(Duration::from_secs(seconds))
    }

    #[test]
    fn q14_a_bucket_saves_up_its_burst_and_no_more() {
        let mut tokens = Tokens::new(Bucket::new(1.0, 3));
        for now in [0, 1000] {
            let delays: Vec<_> = (0..5).map(|_| tokens.take(seconds(now)).0.as_secs()).collect();
            assert_eq!(delays, [0, 0, 0, 1, 2], "at {now} s");
        }
        assert_eq!(tokens.take(seconds(1004)).0.as_secs(), 0, "one saved up again");
    }

    #[test]
    fn q14_no_delay_exceeds_the_cap_and_quiet_restores_the_bucket() {
        let mut tokens = Tokens::new(Bucket::new(10.0, 100).at_most(Duration::from_secs(30)));
        let longest = (0..10_000).map(|_| tokens.take(seconds(0)).0).max();
        assert_eq!(longest, Some(Duration::from_secs(30)));
        assert_eq!(tokens.take(seconds(41)).0, Duration::ZERO, "the debt is no larger than the cap");
    }

    #[test]
    fn q14_a_token_that_was_put_back_serves_the_next() {
        let mut tokens = Tokens::new(Bucket::new(1.0, 1));
        let delays: Vec<_> = (0..10)
            .map(|_| {
                let delay = tokens.take(seconds(0)).0;
                tokens.put_back();
                delay
            })
            .collect();
        assert!(delays.iter().all(Duration::is_zero), "{delays:?}");
    }
}
