//! How many workers the API server lets a controller have: additive increase, multiplicative decrease.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Workers;

/// After this long without push-back one more worker may come; and after a cut the next one waits as long, because
/// the first one needs time to show.
const STEP: Duration = Duration::from_secs(1);

/// How many workers there may be at present (A-I1). A plain state that is told the time.
///
/// Follows TCP's congestion control (RFC 5681): a cut halves what was in use, not what was allowed; it happens at once
/// and one at a time; a request sent before a cut says nothing about the time after it (RFC 6582's "recover"). Growth
/// is linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    bounds: Workers,
    current: usize,
    cut_at: Option<Instant>,
    /// The last push-back or, later than that, the last step.
    quiet_since: Option<Instant>,
}

impl Limit {
    pub(super) fn new(bounds: Workers) -> Self {
        Self { bounds, current: bounds.most, cut_at: None, quiet_since: None }
    }

    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// The server pushed back on a request that was sent at `sent`, while `busy` workers worked. Whether that is a cut.
    pub(super) fn push_back(&mut self, sent: Instant, busy: usize, now: Instant) -> bool {
        self.recover(now);
        self.quiet_since = Some(now);
        let is_news = self.cut_at.is_none_or(|at| sent > at && now >= at + STEP);
        let halved = self.current.min(busy).div_ceil(2).max(self.bounds.least);
        if !is_news || halved >= self.current {
            return false;
        }
        (self.current, self.cut_at) = (halved, Some(now));
        true
    }

    /// Takes the steps upwards that have become due.
    pub(super) fn recover(&mut self, now: Instant) {
        while let Some(due) = self.next_step().filter(|due| *due <= now) {
            self.current += 1;
            self.quiet_since = Some(due);
        }
    }

    /// When the next step upwards is due, if nothing happens before; `None` at the top.
    pub(super) fn next_step(&self) -> Option<Instant> {
        (self.current < self.bounds.most).then_some(self.quiet_since? + STEP)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn limit(bounds: impl Into<Workers>) -> Limit {
        Limit::new(bounds.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a2_a_cut_halves_what_was_in_use_and_each_quiet_second_gives_one_back() {
        let (mut limit, start) = (limit(2..=32), Instant::now());
        assert!(limit.push_back(start, 20, start));
        assert_eq!(limit.current(), 10, "half of the 20 at work, not of the 32 allowed");
        limit.recover(start + ms(999));
        assert_eq!(limit.current(), 10);
        limit.recover(start + ms(5000));
        assert_eq!(limit.current(), 15);
        limit.recover(start + ms(100_000));
        assert_eq!((limit.current(), limit.next_step()), (32, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a2_one_overload_is_one_cut_however_many_answers_tell_of_it() {
        let (mut limit, start) = (limit(1..=32), Instant::now());
        let cuts = (0..32).filter(|after| limit.push_back(start, 32, start + ms(*after))).count();
        assert_eq!((cuts, limit.current()), (1, 16));
        // Answers that come late, to requests sent before the cut.
        assert!(!limit.push_back(start, 16, start + ms(5000)));
        assert_eq!(limit.current(), 20, "the four steps before it stay");
        // But no step in the second after it.
        limit.recover(start + ms(5999));
        assert_eq!(limit.current(), 20);
        assert!(limit.push_back(start + ms(5500), 32, start + ms(6000)), "sent since: this is news");
        assert_eq!(limit.current(), 11, "the step that became due, then half, rounded up");
    }

    #[tokio::test(start_paused = true)]
    async fn a2_push_back_while_nobody_works_or_at_a_fixed_number_stays_within_the_bounds() {
        let start = Instant::now();
        let mut idle = limit(3..=8);
        assert!(idle.push_back(start, 0, start));
        assert_eq!(idle.current(), 3);
        let mut fixed = limit(8);
        assert!(!fixed.push_back(start, 8, start));
        assert_eq!((fixed.current(), fixed.next_step()), (8, None));
    }

    proptest! {
        /// Whatever comes: within the bounds; down by cuts only, each at least a second after the last; up by one a
        /// second at most, and never within a second of a push-back.
        #[test]
        fn a2_the_limit_stays_in_bounds_falls_by_cuts_and_rises_by_steps(
            least in 1_usize..10,
            more in 0_usize..40,
            events in proptest::collection::vec((0_u64..3000, any::<bool>(), 0_u64..4000, 0_usize..60), 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let runtime = runtime.unwrap();
            let _entered = runtime.enter();
            let mut now = Instant::now() + ms(10_000);
            let mut limit = limit(least..=least + more);
            let (mut last_cut, mut last_push_back): (Option<Instant>, Option<Instant>) = (None, None);
            for (pause, is_push_back, age, busy) in events {
                let (before, earlier) = (limit.current(), now);
                now += ms(pause);
                if is_push_back {
                    limit.recover(now);
                    let risen = limit.current();
                    let is_cut = limit.push_back(now - ms(age), busy, now);
                    prop_assert_eq!(is_cut, limit.current() < risen);
                    if is_cut {
                        prop_assert!(last_cut.is_none_or(|at| now >= at + STEP && now - ms(age) > at));
                        prop_assert_eq!(limit.current(), risen.min(busy).div_ceil(2).max(least));
                        last_cut = Some(now);
                    }
                    last_push_back = Some(now);
                } else {
                    limit.recover(now);
                    let seconds = usize::try_from((now - earlier).as_secs()).unwrap();
                    prop_assert!((before..=before + seconds + 1).contains(&limit.current()));
                    if last_push_back.is_some_and(|at| now < at + STEP) {
                        prop_assert_eq!(limit.current(), before);
                    }
                }
                prop_assert!((least..=least + more).contains(&limit.current()));
            }
        }
    }
}
