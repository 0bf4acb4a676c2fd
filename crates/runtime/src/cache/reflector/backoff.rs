//! Pauses between failures.

use std::time::Duration;

use pilothouse_machinery::Environment;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(800);
const LONGEST: Duration = Duration::from_secs(30);
const RESET_AFTER: Duration = Duration::from_mins(2);

/// Doubling pauses from 0.8 s to 30 s, each stretched by up to its own length at random, and back to the
/// start after two minutes without failure (conformance R8; client-go's values).
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    last_failure: Option<Instant>,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST, last_failure: None }
    }

    /// The pause after a failure that happens now.
    pub(super) fn pause(&mut self, environment: &Environment) -> Duration {
        let now = environment.monotonic();
        // The pause itself is no quiet time.
        if self.last_failure.is_some_and(|last| now.duration_since(last) > RESET_AFTER) {
            self.next = FIRST;
        }
        self.last_failure = Some(now);
        let pause = environment.jittered(self.next, 1.0);
        self.next = (self.next * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn r8_pauses_double_from_800_ms_to_30_s_with_jitter_and_start_over_after_two_quiet_minutes() {
        let environment = Environment::simulated(1, Timestamp::UNIX_EPOCH);
        let mut backoff = Backoff::new();
        let mut pauses = Vec::new();
        for expected in [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
            let pause = backoff.pause(&environment);
            let (least, most) = (Duration::from_millis(expected), Duration::from_millis(2 * expected));
            assert!((least..most).contains(&pause), "{pause:?} for {expected} ms");
            pauses.push(pause.as_secs_f64() / least.as_secs_f64());
            tokio::time::sleep(pause).await;
        }
        assert!(pauses.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01), "no jitter: {pauses:?}");
        tokio::time::sleep(Duration::from_secs(121)).await;
        assert!(backoff.pause(&environment) < Duration::from_millis(1600));
    }
}
