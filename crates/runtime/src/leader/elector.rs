//! A candidate: its life, and what it knows of the lease.

use std::fmt;

use k8s_openapi::api::coordination::v1::Lease;
use pilothouse_machinery::Environment;
use tokio::time::Instant;

use super::candidate::Candidate;
use super::lock::{LeaseLock, was_overtaken};
use super::metrics::ElectionMetrics;
use super::observation::Observation;
use super::watch::ObjectWatch;
use super::{Election, ElectionError, End, Leadership, record};
use crate::{Client, ClientError, Metrics, ObjectKey, Shutdown};

/// What is known of the lease.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// Nothing yet.
    Unknown,
    /// There is none, and nobody leads by one that was deleted after then.
    Absent { free_at: Instant },
    /// It was in this state.
    Seen(Box<Observation>),
}

/// One candidate in one election.
///
/// **Flow.** [`run`](Self::run) stands until it leads, then renews until it is told to stop or has lost; meanwhile
/// [`leadership`](Self::leadership) tells everybody. A manager does all of this by itself.
///
/// **Cancellation.** Dropping the future of `run` stops renewing: the term ends, and others lead when the lease runs
/// out.
pub struct Elector {
    pub(super) election: Election,
    candidate: Option<Candidate>,
    pub(super) lock: LeaseLock,
    pub(super) watch: ObjectWatch<Lease>,
    pub(super) environment: Environment,
    pub(super) leadership: Leadership,
    pub(super) metrics: ElectionMetrics,
    pub(super) known: Known,
    /// Whether what is known may be out of date, so that it must be read before it is acted on.
    pub(super) is_dated: bool,
    /// Whether a write of this candidate may have been applied without its knowing.
    pub(super) has_loose_end: bool,
}

impl Elector {
    /// A candidate that stands once it is [run](Self::run). Its requests pass neither the limit on the client's rate
    /// nor its fence. Needs the rights to `get`, `create` and `update` the Lease, and should have `list` and `watch`:
    /// without those it reads the lease from time to time, and is told late of a leader that stops.
    ///
    /// **Errors.** Times, names or an identity that cannot work.
    pub fn new(
        election: Election,
        client: &Client,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Result<Self, ElectionError> {
        let (election, identity) = election.complete(client.default_namespace(), environment)?;
        let key = election.lease();
        let timeout = election.timing.request_timeout();
        let lock = LeaseLock::new(client, key.clone(), timeout);
        let candidate = election.coordination.clone().map(|coordination| {
            let own = ObjectKey::new(key.namespace().unwrap_or_default(), &*identity);
            let watch = ObjectWatch::new(client, environment, &own);
            Candidate::new(client.single_try(timeout), watch, environment, own, &key.name, coordination)
        });
        let elector = Self {
            watch: ObjectWatch::new(client, environment, &key),
            lock,
            candidate,
            environment: environment.clone(),
            leadership: Leadership::new(identity, election.timing),
            metrics: ElectionMetrics::new(metrics, &key.name),
            known: Known::Unknown,
            is_dated: true,
            has_loose_end: false,
            election,
        };
        elector.metrics.master.set(0);
        Ok(elector)
    }

    /// Where everybody else sees how this candidate fares.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Stands, and leads when elected, until `stop` is requested or the lease is lost. Ask to stop when the leader's
    /// work has ended: the lease is given up then (E-I3).
    ///
    /// Dropping the future ends the term at once, without giving up the lease.
    pub async fn run(mut self, stop: Shutdown) -> End {
        let ending = EndOnDrop(self.leadership.clone());
        let candidate = self.candidate.take();
        let standing = async {
            match candidate {
                Some(candidate) => candidate.stand().await,
                None => std::future::pending().await,
            }
        };
        let leading =
            async { if self.campaign(&stop).await { self.reign(&stop).await } else { End::Stopped } };
        let end = tokio::select! {
            biased;
            end = leading => end,
            never = standing => match never {},
        };
        self.leadership.state().end(end);
        drop(ending);
        self.metrics.master.set(0);
        if end == End::Stopped && self.election.release {
            self.release().await;
        }
        tracing::info!(lease = %self.lock.key, identity = self.leadership.identity(), ?end, "candidacy ended");
        if let Some(stopped) = &self.election.hooks.stopped {
            stopped();
        }
        end
    }

    /// The name this candidate stands under.
    pub(super) fn identity(&self) -> &str {
        self.leadership.identity()
    }

    /// Takes note of a state of the lease.
    pub(super) fn observe(&mut self, lease: Option<Lease>) {
        let now = Instant::now();
        match (lease, &mut self.known) {
            (None, Known::Absent { .. }) => {}
            (None, _) => self.known = Known::Absent { free_at: self.free_after_deletion(now) },
            (Some(lease), Known::Seen(observation)) => observation.update(lease, now),
            (Some(lease), _) => self.known = Known::Seen(Box::new(Observation::new(lease, now))),
        }
        let lease = self.lease();
        let holder = lease.and_then(record::holder).map(ToOwned::to_owned);
        let preferred = lease.and_then(record::preferred).filter(|preferred| *preferred != self.identity());
        self.leadership.note_successor(preferred);
        // Between two leaders there may be nobody for a moment; that is not a change of the leader.
        if holder.is_some() && self.leadership.note_leader(holder.as_deref()) {
            self.metrics.transitions.inc();
            let leader = holder.unwrap_or_default();
            tracing::info!(lease = %self.lock.key, leader, "leader seen");
            if let Some(new_leader) = &self.election.hooks.new_leader {
                new_leader(&leader);
            }
        }
    }

    /// From when on a lease that is gone may be made anew: its holder may not know yet, and believes in it for as long
    /// as it would have lasted.
    fn free_after_deletion(&self, now: Instant) -> Instant {
        match &self.known {
            Known::Seen(seen) if record::holder(&seen.lease).is_some() && !self.is_own(&seen.lease) => {
                seen.expires(self.election.timing.lease_duration)
            }
            _ => now,
        }
    }

    /// Whether this candidate holds `lease`.
    pub(super) fn is_own(&self, lease: &Lease) -> bool {
        record::holder(lease) == Some(self.identity())
    }

    /// The lease as last seen.
    pub(super) fn lease(&self) -> Option<&Lease> {
        match &self.known {
            Known::Seen(observation) => Some(&observation.lease),
            _ => None,
        }
    }

    /// Reads the lease from the server.
    pub(super) async fn look(&mut self) -> Result<(), ClientError> {
        let lease = self.lock.read().await?;
        self.observe(lease);
        (self.is_dated, self.has_loose_end) = (false, false);
        Ok(())
    }

    /// Writes this candidate's name into the lease as it is known, and answers with when the request was sent.
    pub(super) async fn hold(&mut self) -> Result<Instant, ClientError> {
        let base = self.lease().cloned().unwrap_or_else(|| self.new_lease());
        let lease = record::held(&base, self.identity(), self.election.timing, self.environment.now());
        self.write(&lease).await
    }

    /// Writes the lease. Whether that was applied is known afterwards, or there is a loose end.
    async fn write(&mut self, lease: &Lease) -> Result<Instant, ClientError> {
        self.has_loose_end = true;
        let sent = Instant::now();
        let written = self.lock.write(lease).await;
        self.has_loose_end = written.as_ref().is_err_and(ClientError::may_have_been_applied);
        self.observe(Some(written?));
        Ok(sent)
    }

    fn new_lease(&self) -> Lease {
        let mut lease = Lease::default();
        let labels = &self.election.labels;
        lease.metadata.labels = (!labels.is_empty()).then(|| labels.clone());
        lease
    }

    /// Gives the lease up if it is this candidate's, also where it only may be (conformance E6).
    async fn release(&mut self) {
        let patience = self.election.timing.renew_deadline;
        let giving_up = async {
            if self.has_loose_end {
                self.look().await?;
            }
            while let Some(lease) = self.lease().filter(|lease| self.is_own(lease)) {
                let lease = record::released(lease, self.environment.now());
                match self.write(&lease).await {
                    Ok(_) => return Ok(()),
                    // A renewal that was on its way came first.
                    Err(error) if was_overtaken(&error) => self.look().await?,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        match tokio::time::timeout(patience, giving_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = crate::controller::chain(&error);
                tracing::warn!(error, "cannot give up the lease: others lead when it runs out");
            }
            Err(_) => tracing::warn!("cannot give up the lease in time: others lead when it runs out"),
        }
    }
}

/// Ends the term when the candidate is dropped in the middle of it.
struct EndOnDrop(Leadership);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.state().end(End::Lost);
    }
}

impl fmt::Debug for Elector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Elector")
            .field("lease", &self.lock.key)
            .field("identity", &self.identity())
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
