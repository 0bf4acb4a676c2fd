//! Standing for election: until this candidate holds the lease.

use std::time::Duration;

use tokio::time::Instant;

use super::elector::{Elector, Known};
use super::lock::was_overtaken;
use super::record;
use crate::{ClientError, Shutdown};

/// How often one attempt looks again because others write at the same time.
const LOOKS: usize = 3;
/// How much longer than asked an attempt waits after a failure, so that candidates do not come all at once.
const JITTER: f64 = 1.2;
/// How long a request that is under way is waited for when the candidate is told to stop.
const LAST_ANSWER: Duration = Duration::from_secs(1);

impl Elector {
    /// Stands until it leads (true) or is told to stop (false).
    pub(super) async fn campaign(&mut self, stop: &Shutdown) -> bool {
        loop {
            let attempt = self.attempt();
            let ended = tokio::select! {
                biased;
                ended = attempt => Some(ended),
                // What comes of a request that is under way decides whether there is something to give up.
                () = async { stop.requested().await; tokio::time::sleep(LAST_ANSWER).await } => None,
            };
            let wait = match ended {
                None => return false,
                Some(Ok(Some(_))) if stop.is_requested() => return false,
                Some(Ok(Some(sent))) if self.begin(sent) => return true,
                Some(Ok(Some(_))) => Duration::ZERO,
                Some(Ok(None)) => Duration::MAX,
                Some(Err(error)) => self.note_failure(&error),
            };
            if stop.is_requested() || self.pause(wait, stop).await.is_none() {
                return false;
            }
        }
    }

    /// Begins the term that a request sent then has won. Not when so much time has passed since that the lease may be
    /// another's (conformance E11).
    fn begin(&self, sent: Instant) -> bool {
        let number = self.lease().map_or(0, record::transitions);
        let begun = self.leadership.state().begin(number, sent + self.election.timing.renew_deadline);
        if begun {
            self.leadership.note_renewal(sent);
            self.metrics.master.set(1);
            tracing::info!(lease = %self.lock.key, identity = self.identity(), term = number, "leads");
            if let Some(started) = &self.election.hooks.started {
                started(number);
            }
        }
        begun
    }

    fn note_failure(&self, error: &ClientError) -> Duration {
        self.metrics.failures.inc();
        let chain = crate::controller::chain(error);
        tracing::warn!(lease = %self.lock.key, error = chain, "cannot stand for election; will try again");
        self.environment.jittered(self.election.timing.retry_period, JITTER)
    }

    /// Takes the lease if it is free (conformance E1), and answers with when the request was sent.
    async fn attempt(&mut self) -> Result<Option<Instant>, ClientError> {
        if self.is_dated || self.has_loose_end {
            self.look().await?;
        }
        for _ in 0..LOOKS {
            if !self.may_take() {
                return Ok(None);
            }
            match self.hold().await {
                Ok(sent) => return Ok(Some(sent)),
                Err(error) if was_overtaken(&error) => self.look().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether the lease is free, or this candidate's own.
    fn may_take(&self) -> bool {
        // Where a coordinator picks the holder, candidates wait until they are picked (KEP-4355).
        let may_pick_itself = self.election.coordination.is_none();
        match &self.known {
            Known::Unknown => false,
            Known::Absent { free_at } => may_pick_itself && Instant::now() >= *free_at,
            Known::Seen(observation) => {
                let lease = &observation.lease;
                let is_own = self.is_own(lease);
                // Where a coordinator picks the holder, candidates wait until they are picked (KEP-4355).
                let is_picked = !record::is_coordinated(lease);
                is_own
                    || is_picked && observation.is_free(Instant::now(), self.election.timing.lease_duration)
            }
        }
    }

    /// Waits until the lease may be free: told by the watch, by its age, or to look again. `None` when told to stop.
    async fn pause(&mut self, wait: Duration, stop: &Shutdown) -> Option<()> {
        let timing = self.election.timing;
        let now = Instant::now();
        let patience = wait.min(self.watch.patience(timing.retry_period, timing.lease_duration));
        let look_at = now + patience;
        let free_at = match &self.known {
            Known::Seen(observation) if wait == Duration::MAX => observation.expires(timing.lease_duration),
            Known::Absent { free_at } if wait == Duration::MAX => *free_at,
            _ => look_at,
        };
        // A lease that has run out and is not ours to take, because of a coordinator, is no reason to spin on it.
        let wake_at = if free_at > now { look_at.min(free_at) } else { look_at };
        tokio::select! {
            biased;
            () = stop.requested() => return None,
            lease = self.watch.changed() => {
                self.observe(lease);
                return Some(());
            }
            () = tokio::time::sleep_until(wake_at) => {}
        }
        self.is_dated |= Instant::now() >= look_at;
        Some(())
    }
}
