//! The one source of time, randomness and tasks.
//!
//! Core crates never ask the machine directly: they hold an [`Environment`]. A real one reads the wall
//! clock and the operating system's entropy; a simulated one derives both from a seed and from tokio's
//! (pausable) clock, so that a run can be repeated exactly.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Time, randomness and tasks for everything in one process (or one simulation).
///
/// **Guarantees.** Cheap to clone; clones share one generator. In a simulated environment [`now`](Self::now)
/// advances exactly as tokio's clock does, and the sequence of random values depends only on the seed and on
/// the order of the calls.
///
/// **Assumptions.** Created inside a tokio runtime, because monotonic time is [`tokio::time::Instant`].
#[derive(Clone)]
pub struct Environment {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    generator: Mutex<Xoshiro256PlusPlus>,
}

#[derive(Clone, Copy, Debug)]
enum Clock {
    Wall,
    Simulated { epoch: Timestamp, started: Instant },
}

impl Environment {
    /// The machine's own clock and entropy.
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "the one place that asks the machine for entropy")]
    pub fn real() -> Self {
        use std::hash::{BuildHasher, Hasher};
        // RandomState is seeded by the operating system once per process and differs per instance.
        let seed = std::hash::RandomState::new().build_hasher().finish();
        Self::with(Clock::Wall, seed)
    }

    /// The machine's clock, but randomness from `seed`: a demo that draws the same workload each time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::with(Clock::Wall, seed)
    }

    /// A simulated clock that starts at `epoch` and follows tokio's, and randomness from `seed`.
    #[must_use]
    pub fn simulated(seed: u64, epoch: Timestamp) -> Self {
        Self::with(Clock::Simulated { epoch, started: Instant::now() }, seed)
    }

    fn with(clock: Clock, seed: u64) -> Self {
        let generator = Mutex::new(Xoshiro256PlusPlus::seed_from_u64(seed));
        Self { shared: Arc::new(Shared { clock, generator }) }
    }

    /// Wall-clock time, for what people and other systems read. Never used to measure durations.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time of day")]
    pub fn now(&self) -> Timestamp {
        match self.shared.clock {
            Clock::Wall => Timestamp::now(),
            Clock::Simulated { epoch, started } => {
                let elapsed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
                epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Monotonic time, for durations and deadlines.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }

    /// The next 64 random bits.
    #[must_use]
    pub fn random_u64(&self) -> u64 {
        self.shared.generator.lock().next_u64()
    }

    /// A random fraction in `[0, 1)`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn random_fraction(&self) -> f64 {
        (self.random_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A random index in `0..length`; 0 when `length` is 0.
    #[must_use]
    pub fn random_index(&self, length: usize) -> usize {
        let wide = u128::from(self.random_u64()) * length as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// `duration` stretched by a random factor in `[1, 1 + factor)`; [`Duration::MAX`] where that is too long.
    #[must_use]
    pub fn jittered(&self, duration: Duration, factor: f64) -> Duration {
        let factor = 1.0 + self.random_fraction() * factor.max(0.0);
        Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    }

    /// A random (version 4) UUID in its usual form.
    #[must_use]
    pub fn random_uuid(&self) -> String {
        let high = (self.random_u64() & !0xF000) | 0x4000;
        let low = (self.random_u64() & (u64::MAX >> 2)) | (1 << 63);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }

    /// Starts a task. The name shows in traces. The task is not stopped when the handle is dropped.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tracing::trace!(task = name, "spawn");
        tokio::spawn(future)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("clock", &self.shared.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn simulated_time_follows_tokio_time_and_the_seed_decides_all_values() {
        let (one, two) = (
            Environment::simulated(7, Timestamp::UNIX_EPOCH),
            Environment::simulated(7, Timestamp::UNIX_EPOCH),
        );
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(one.now().as_second(), 90);
        assert_eq!(one.random_uuid(), two.random_uuid());
        assert_eq!(one.random_u64(), two.random_u64());
        assert_ne!(one.random_u64(), Environment::simulated(8, Timestamp::UNIX_EPOCH).random_u64());
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_of_a_very_long_time_is_the_longest_time() {
        let environment = Environment::simulated(1, Timestamp::UNIX_EPOCH);
        assert_eq!(environment.jittered(Duration::MAX, 1.0), Duration::MAX);
        assert_eq!(environment.jittered(Duration::from_secs(1), f64::INFINITY), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn random_index_stays_in_range_and_uuids_are_version_four() {
        let environment = Environment::simulated(1, Timestamp::UNIX_EPOCH);
        assert!((0..1000).all(|_| environment.random_index(7) < 7));
        assert_eq!(environment.random_index(0), 0);
        let uuid = environment.random_uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"));
    }
}
