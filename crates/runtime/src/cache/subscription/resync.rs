//! When a subscriber is told again of what it knows.

use std::time::Duration;

use pilothouse_machinery::ObjectKey;
use tokio::time::Instant;

/// Rounds over all objects, one per period, in key order: a share is due at each tick.
#[derive(Debug)]
pub(super) struct Resync {
    /// Ticks are at multiples of this after `origin`.
    tick: Duration,
    origin: Instant,
    ticks_per_round: u32,
    /// The next tick, counted from `origin`; not known before the subscriber has synced.
    next: Option<u32>,
    /// Ticks of the present round that have passed.
    passed: u32,
    /// Objects told in the present round, and the last of them.
    told: usize,
    after: Option<ObjectKey>,
    is_round_over: bool,
}

impl Resync {
    /// Rounds of `period`, raised to the next multiple of `tick`.
    pub(super) fn new(period: Duration, tick: Duration, origin: Instant) -> Self {
        let tick = tick.max(Duration::from_millis(1));
        let ticks = period.as_nanos().div_ceil(tick.as_nanos());
        let ticks_per_round = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
        Self {
            tick,
            origin,
            ticks_per_round,
            next: None,
            passed: 0,
            told: 0,
            after: None,
            is_round_over: false,
        }
    }

    /// Counts the ticks that have passed, and begins the next round when one is over.
    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.origin).as_nanos() / self.tick.as_nanos();
        let upcoming = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
        let since = upcoming.saturating_sub(*self.next.get_or_insert(upcoming));
        self.next = Some(upcoming);
        self.passed = self.passed.saturating_add(since);
        if self.is_round_over && self.passed >= self.ticks_per_round {
            // Rounds that were missed are not made up for.
            self.passed %= self.ticks_per_round;
            (self.told, self.after, self.is_round_over) = (0, None, false);
        }
    }

    /// Whether something is due at `now`, of `known` objects.
    pub(super) fn is_due(&mut self, now: Instant, known: usize) -> bool {
        self.advance(now);
        if self.is_round_over || self.passed == 0 {
            return false;
        }
        let share = known as u128 * u128::from(self.passed) / u128::from(self.ticks_per_round);
        self.passed >= self.ticks_per_round || (self.told as u128) < share
    }

    /// When to look again if nothing is due.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.next.and_then(|next| self.origin.checked_add(self.tick.saturating_mul(next)))
    }

    /// The key after which the next object is to be told.
    pub(super) fn after(&self) -> Option<&ObjectKey> {
        self.after.as_ref()
    }

    /// The next object after [`after`](Self::after) was told, or was left out because it does not concern the
    /// subscriber; without one, the round is over.
    pub(super) fn tell(&mut self, key: Option<&ObjectKey>) {
        match key {
            Some(key) => {
                self.told += 1;
                self.after = Some(key.clone());
            }
            None => self.is_round_over = true,
        }
    }
}
