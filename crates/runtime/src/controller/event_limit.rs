//! How many events about one object are sent.

use indexmap::IndexMap;
use tokio::time::{Duration, Instant};

/// Events about one object that go out at once after a quiet time.
const BURST: u32 = 25;
/// How long until one more may go out.
const REFILL: Duration = Duration::from_mins(5);
/// Objects whose events are counted.
const REMEMBERED: usize = 4096;

/// Keeps one object from filling the cluster with events: 25 at once, then one in five minutes, as client-go's
/// `EventSourceObjectSpamFilter` has it.
#[derive(Debug, Default)]
pub(super) struct EventLimit {
    by_object: IndexMap<String, Allowance>,
}

#[derive(Debug)]
struct Allowance {
    left: u32,
    /// Since when the next one has been coming.
    since: Instant,
}

impl EventLimit {
    /// Whether one more event about the object of this uid may go out now; counts it if so.
    pub(super) fn admit(&mut self, uid: &str) -> bool {
        let now = Instant::now();
        if !self.by_object.contains_key(uid) && self.by_object.len() >= REMEMBERED {
            self.by_object.shift_remove_index(0);
        }
        let allowance = self.by_object.entry(uid.to_owned()).or_insert(Allowance { left: BURST, since: now });
        while allowance.left < BURST && now.duration_since(allowance.since) >= REFILL {
            allowance.left += 1;
            allowance.since += REFILL;
        }
        if allowance.left == BURST {
            allowance.since = now;
        }
        let is_admitted = allowance.left > 0;
        allowance.left = allowance.left.saturating_sub(1);
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_object_has_a_burst_and_then_one_event_in_five_minutes() {
        let mut limit = EventLimit::default();
        let admitted = |limit: &mut EventLimit, uid| (0..100).filter(|_| limit.admit(uid)).count();
        assert_eq!(admitted(&mut limit, "a"), 25);
        assert_eq!(admitted(&mut limit, "b"), 25, "each object has its own");
        tokio::time::advance(REFILL).await;
        assert_eq!(admitted(&mut limit, "a"), 1);
        tokio::time::advance(REFILL * 1000).await;
        assert_eq!(admitted(&mut limit, "a"), 25);
        for number in 0..10_000 {
            limit.admit(&number.to_string());
        }
        assert_eq!(limit.by_object.len(), REMEMBERED);
    }
}
