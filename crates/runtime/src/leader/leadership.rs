//! Who leads, as this process knows it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::tenure::{Phase, Tenure};
use super::{ElectionError, NotLeading, Timing};

/// How a candidacy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to stop.
    Stopped,
    /// Its lease could not be renewed, or somebody else took it. The process must do no more of a leader's work.
    Lost,
}

/// One candidacy, with at most one term. Cheap to clone; clones speak of the same.
///
/// **Guarantees.** [`is_leader`](Self::is_leader) is true in no two processes at one instant (E-I1). It turns true at
/// most once: to stand again takes a new [`Elector`](super::Elector).
///
/// **Cancellation.** Every future may be dropped and asked for again.
#[derive(Clone, Debug)]
pub struct Leadership {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    identity: String,
    lease_duration: Duration,
    tenure: Arc<Tenure>,
    leader: watch::Sender<Option<String>>,
    renewed: Mutex<Option<Instant>>,
    successor: watch::Sender<Option<String>>,
    /// Whether this is the standing leadership of a process that needs no election.
    is_granted: bool,
}

impl Leadership {
    pub(super) fn new(identity: String, timing: Timing) -> Self {
        Self::with(identity, timing.lease_duration, timing.margin(), false)
    }

    /// The leadership of a process that holds no election: it always leads.
    #[must_use]
    pub fn without_election() -> Self {
        Self::with(String::new(), Duration::MAX, Duration::MAX, true)
    }

    fn with(identity: String, lease_duration: Duration, margin: Duration, is_granted: bool) -> Self {
        let tenure = Arc::new(Tenure::new(margin));
        let (leader, successor) = (watch::Sender::new(None), watch::Sender::new(None));
        let renewed = Mutex::new(None);
        let shared = Shared { identity, lease_duration, tenure, leader, renewed, successor, is_granted };
        Self { shared: Arc::new(shared) }
    }

    /// The name under which this process stands; empty without an election.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.shared.identity
    }

    /// Whether this process leads at this moment.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.shared.is_granted || self.shared.tenure.check().is_ok()
    }

    /// The number of the term while this process leads: how often the lease had changed hands, which grows from term
    /// to term as long as the `Lease` is not deleted. A fencing token for systems outside of the cluster. `None`
    /// without an election.
    #[must_use]
    pub fn term(&self) -> Option<u64> {
        match self.shared.tenure.phase() {
            Phase::Leading { number, .. } if self.is_leader() => Some(number),
            _ => None,
        }
    }

    /// Who leads as far as this process has seen; `None` before the first look, and while nobody does.
    #[must_use]
    pub fn leader(&self) -> Option<String> {
        self.shared.leader.borrow().clone()
    }

    /// Completes when this process leads, with true; or with false when its candidacy has ended.
    pub async fn acquired(&self) -> bool {
        if self.shared.is_granted {
            return true;
        }
        let mut phase = self.shared.tenure.subscribe();
        // The sender cannot be gone: `self` holds it.
        let known = phase.wait_for(|phase| *phase != Phase::Before).await;
        known.is_ok_and(|phase| matches!(*phase, Phase::Leading { .. }))
    }

    /// How the candidacy ended; `None` while it goes on.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self.shared.tenure.phase() {
            Phase::Over(end) => Some(end),
            _ => None,
        }
    }

    /// Completes when the candidacy has ended, and says how. Never without an election.
    pub async fn ended(&self) -> End {
        let mut phase = self.shared.tenure.subscribe();
        loop {
            if let Phase::Over(end) = *phase.borrow_and_update() {
                return end;
            }
            // The sender cannot be gone: `self` holds it.
            let _ = phase.changed().await;
        }
    }

    /// Completes when a coordinator wants another candidate to lead, with its identity (KEP-4355). The lease is renewed
    /// until the election is stopped: end the leader's work, then stop it.
    pub async fn asked_to_step_down(&self) -> String {
        let mut successor = self.shared.successor.subscribe();
        loop {
            if let Some(successor) = &*successor.borrow_and_update() {
                return successor.clone();
            }
            // The sender cannot be gone: `self` holds it.
            let _ = successor.changed().await;
        }
    }

    /// Completes when this process does not lead any more: from then on nothing it began may be finished. At once while
    /// it does not lead yet; never without an election.
    pub async fn lost(&self) -> NotLeading {
        if self.shared.is_granted {
            return std::future::pending().await;
        }
        self.shared.tenure.over().await
    }

    /// Fails when this process believes to lead and has not renewed its lease for the lease duration and `tolerance`:
    /// its election hangs (conformance E9). Standbys are healthy.
    pub fn check(&self, tolerance: Duration) -> Result<(), ElectionError> {
        let renewed = *self.shared.renewed.lock();
        let since = renewed.map_or(Duration::ZERO, |at| at.elapsed());
        let leads = matches!(self.shared.tenure.phase(), Phase::Leading { .. });
        if leads && since > self.shared.lease_duration.saturating_add(tolerance) {
            return Err(ElectionError::NotRenewed { since });
        }
        Ok(())
    }

    pub(crate) fn tenure(&self) -> Option<Arc<Tenure>> {
        (!self.shared.is_granted).then(|| Arc::clone(&self.shared.tenure))
    }

    pub(super) fn state(&self) -> &Tenure {
        &self.shared.tenure
    }

    pub(super) fn note_renewal(&self, at: Instant) {
        *self.shared.renewed.lock() = Some(at);
    }

    pub(super) fn note_successor(&self, successor: Option<&str>) {
        self.shared.successor.send_if_modified(|known| {
            let is_news = known.as_deref() != successor;
            *known = successor.map(ToOwned::to_owned);
            is_news
        });
    }

    /// Notes who leads; whether that is news.
    pub(super) fn note_leader(&self, leader: Option<&str>) -> bool {
        self.shared.leader.send_if_modified(|known| {
            let is_news = known.as_deref() != leader;
            if is_news {
                *known = leader.map(ToOwned::to_owned);
            }
            is_news
        })
    }
}
