//! The token bucket.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Rate;

/// A token bucket that serves its waiters in the order they came (conformance N1).
///
/// The bucket is one point in time: when it would be full again ("generic cell rate algorithm"). The waiter
/// at the head sleeps while it holds the (fair) lock; whoever is cancelled, at the head or behind it, takes
/// no token with it.
#[derive(Debug)]
pub(super) struct Limiter {
    interval: Duration,
    /// How far ahead of now the bucket's refill time may lie when a request goes out.
    tolerance: Duration,
    full_at: Mutex<Instant>,
}

impl Limiter {
    /// `None` for [`Rate::Unlimited`].
    pub(super) fn new(rate: Rate) -> Option<Self> {
        let Rate::Limited { per_second, burst } = rate else { return None };
        let interval = Duration::from_secs_f64(1.0 / per_second.max(0.001));
        let tolerance = interval.saturating_mul(burst.saturating_sub(1));
        Some(Self { interval, tolerance, full_at: Mutex::new(Instant::now()) })
    }

    /// Waits for a token and takes it. Dropping the future gives up the place in the queue, and no token.
    pub(super) async fn acquire(&self) {
        let mut full_at = self.full_at.lock().await;
        if let Some(earliest) = full_at.checked_sub(self.tolerance) {
            tokio::time::sleep_until(earliest).await;
        }
        *full_at = (*full_at).max(Instant::now()) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex as SyncMutex;
    use proptest::prelude::*;

    use super::*;

    fn limiter(per_second: f64, burst: u32) -> Arc<Limiter> {
        Arc::new(Limiter::new(Rate::Limited { per_second, burst }).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn n1_no_window_sees_more_than_burst_plus_rate_times_time(
            per_second in 1_u32..200, burst in 1_u32..20, pauses in proptest::collection::vec(0_u64..300, 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
                .unwrap();
            let times = runtime.block_on(async {
                let bucket = limiter(f64::from(per_second), burst);
                let mut times = Vec::new();
                for pause in pauses {
                    // Mostly bursts; sometimes a pause that refills the bucket in part.
                    tokio::time::sleep(Duration::from_millis(pause.saturating_sub(200))).await;
                    bucket.acquire().await;
                    times.push(Instant::now());
                }
                times
            });
            for (first, start) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let seen = f64::from(u32::try_from(last - first + 1).unwrap());
                    let allowed = f64::from(burst) + f64::from(per_second) * (*end - *start).as_secs_f64();
                    prop_assert!(seen <= allowed + 1e-6, "{seen} requests, {allowed} allowed");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn n1_waiters_are_served_in_order_and_a_cancelled_one_frees_its_slot() {
        let (bucket, served) = (limiter(10.0, 1), Arc::new(SyncMutex::new(Vec::new())));
        bucket.acquire().await;
        let started = Instant::now();
        let mut waiters = Vec::new();
        for number in 0..5 {
            let (bucket, served) = (bucket.clone(), served.clone());
            #[expect(
                clippy::disallowed_methods,
                reason = "a test of the limiter alone needs no environment"
            )]
            waiters.push(tokio::spawn(async move {
                bucket.acquire().await;
                served.lock().push((number, started.elapsed().as_millis()));
            }));
            tokio::task::yield_now().await;
        }
        waiters[0].abort();
        waiters[2].abort();
        for waiter in waiters {
            let _ = waiter.await;
        }
        assert_eq!(*served.lock(), [(1, 100), (3, 200), (4, 300)]);
    }

    #[tokio::test(start_paused = true)]
    async fn unlimited_is_no_limiter() {
        assert!(Limiter::new(Rate::Unlimited).is_none());
    }
}
