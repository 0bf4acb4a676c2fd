//! One term: when it began, how long it lasts, and how it ended.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{End, NotLeading};

/// Where a candidate stands. Goes one way only: who has led once never leads again under the same tenure, so that
/// nothing begun in one term is finished in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does not lead yet.
    Before,
    /// It leads, until then by its own clock unless a renewal succeeds before.
    Leading { number: u64, until: Instant },
    /// It does not lead any more, or never did.
    Over(End),
}

/// What writes are checked against (E-I2).
#[derive(Debug)]
pub(crate) struct Tenure {
    phase: watch::Sender<Phase>,
    margin: Duration,
}

impl Tenure {
    /// A tenure that has not begun. Once its term is over, nobody else leads for this long at least.
    pub(crate) fn new(margin: Duration) -> Self {
        Self { phase: watch::Sender::new(Phase::Before), margin }
    }

    /// For how long after the term nobody else leads.
    pub(crate) fn margin(&self) -> Duration {
        self.margin
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Begins the term of this number, which lasts until then. Not if another began or ended before, nor if it is over
    /// already: a process that was paused while it took the lease has nothing left of it.
    pub(crate) fn begin(&self, number: u64, until: Instant) -> bool {
        self.phase.send_if_modified(|phase| {
            let begins = *phase == Phase::Before && Instant::now() < until;
            if begins {
                *phase = Phase::Leading { number, until };
            }
            begins
        })
    }

    /// Prolongs the term. Not once it has run out: from then on somebody else may lead, whatever the server said in the
    /// meantime (conformance E11).
    pub(super) fn prolong(&self, later: Instant) -> bool {
        self.phase.send_if_modified(|phase| match phase {
            Phase::Leading { until, .. } if Instant::now() < *until => {
                *until = later.max(*until);
                true
            }
            _ => false,
        })
    }

    /// Ends the term or the candidacy. The first end stands.
    pub(crate) fn end(&self, end: End) {
        self.phase.send_if_modified(|phase| {
            let ends = !matches!(phase, Phase::Over(_));
            if ends {
                *phase = Phase::Over(end);
            }
            ends
        });
    }

    /// Whether this process leads at this very moment.
    pub(crate) fn check(&self) -> Result<(), NotLeading> {
        let why = match &*self.phase.borrow() {
            Phase::Before => "it has not been elected yet",
            Phase::Leading { until, .. } if Instant::now() < *until => return Ok(()),
            Phase::Leading { .. } => "its lease was not renewed in time",
            Phase::Over(End::Lost) => "it has lost its lease",
            Phase::Over(_) => "its term has ended",
        };
        Err(NotLeading { sent: false, why })
    }

    /// Completes when this process does not lead (any more), with the reason. Dropping the future changes nothing.
    pub(crate) async fn over(&self) -> NotLeading {
        let mut phase = self.phase.subscribe();
        loop {
            if let Err(over) = self.check() {
                return over;
            }
            let Phase::Leading { until, .. } = *phase.borrow_and_update() else { continue };
            tokio::select! {
                biased;
                // The sender lives as long as this borrow of it.
                _ = phase.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn e11_a_term_that_ran_out_is_over_whatever_arrives_later() {
        let tenure = Tenure::new(SECOND);
        assert!(tenure.check().is_err());
        assert!(tenure.begin(3, Instant::now() + 10 * SECOND));
        tenure.check().expect("leads");
        tokio::time::sleep(9 * SECOND).await;
        assert!(tenure.prolong(Instant::now() + 10 * SECOND));
        tokio::time::advance(20 * SECOND).await;
        assert!(tenure.check().is_err());
        assert!(!tenure.prolong(Instant::now() + 10 * SECOND), "a renewal that was answered too late");
        assert!(tenure.check().is_err());
        assert!(!tenure.begin(4, Instant::now() + 10 * SECOND), "a tenure is one term");
    }

    #[tokio::test(start_paused = true)]
    async fn e11_a_lease_that_was_taken_before_a_long_pause_begins_no_term() {
        let tenure = Tenure::new(SECOND);
        let until = Instant::now() + SECOND;
        tokio::time::advance(2 * SECOND).await;
        assert!(!tenure.begin(1, until));
        assert!(tenure.check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn e5_whoever_waits_for_the_end_hears_of_it_at_the_deadline_or_when_it_is_lost() {
        let tenure = Tenure::new(SECOND);
        let start = Instant::now();
        tenure.begin(1, start + 10 * SECOND);
        let renewing = async {
            tokio::time::sleep(5 * SECOND).await;
            tenure.prolong(start + 15 * SECOND);
        };
        let (over, ()) = tokio::join!(tenure.over(), renewing);
        assert_eq!(start.elapsed(), 15 * SECOND);
        assert_eq!(over.why, "its lease was not renewed in time");

        let tenure = Tenure::new(SECOND);
        tenure.begin(1, Instant::now() + 10 * SECOND);
        let losing = async { tenure.end(End::Lost) };
        let (over, ()) = tokio::join!(tenure.over(), losing);
        assert_eq!(over.why, "it has lost its lease");
        assert_eq!(start.elapsed(), 15 * SECOND);
    }
}
