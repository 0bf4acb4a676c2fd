//! Leading: renewing the lease until told to stop, or until it is lost.

use tokio::time::Instant;

use super::End;
use super::elector::{Elector, Known};
use super::lock::was_overtaken;
use crate::{ClientError, Shutdown};

/// What an attempt to renew has shown.
enum Renewal {
    /// The lease was renewed by a request sent then.
    Done(Instant),
    /// It is another's, or nobody's.
    Taken,
}

impl Elector {
    /// Renews until told to stop, or until the term is over: at the latest a renew deadline after the last renewal that
    /// succeeded was sent (conformance E5).
    pub(super) async fn reign(&mut self, stop: &Shutdown) -> End {
        let leadership = self.leadership.clone();
        let period = self.election.timing.retry_period;
        let mut renew_at = Instant::now() + period;
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return End::Stopped,
                over = leadership.lost() => return self.lost(over.why),
                lease = self.watch.changed() => {
                    self.observe(lease);
                    match self.lease() {
                        Some(lease) if !self.is_own(lease) => {
                            return self.lost("somebody else holds the lease");
                        }
                        Some(_) => continue,
                        // Deleted under its holder: others wait for it to run out, so there is time to make it anew.
                        None => {}
                    }
                }
                () = tokio::time::sleep_until(renew_at) => {}
            }
            let renewal = tokio::select! {
                biased;
                () = stop.requested() => return End::Stopped,
                over = leadership.lost() => return self.lost(over.why),
                renewal = self.renew() => renewal,
            };
            renew_at = Instant::now() + period;
            match renewal {
                Ok(Renewal::Done(sent)) => {
                    if !leadership.state().prolong(sent + self.election.timing.renew_deadline) {
                        return self.lost("its lease was not renewed in time");
                    }
                    leadership.note_renewal(sent);
                    renew_at = sent + period;
                }
                Ok(Renewal::Taken) => return self.lost("somebody else holds the lease"),
                Err(error) => {
                    self.metrics.failures.inc();
                    let error = crate::controller::chain(&error);
                    tracing::warn!(lease = %self.lock.key, error, "cannot renew the lease; will try again");
                }
            }
        }
    }

    fn lost(&self, why: &'static str) -> End {
        tracing::error!(lease = %self.lock.key, identity = self.identity(), why, "leadership lost");
        End::Lost
    }

    /// Writes the lease over the version that this process wrote last, which is one request. When that version is not
    /// the newest (an answer was lost, or somebody changed a label), it reads and writes once more (conformance E3).
    async fn renew(&mut self) -> Result<Renewal, ClientError> {
        match self.hold().await {
            Ok(sent) => return Ok(Renewal::Done(sent)),
            Err(error) if was_overtaken(&error) => {}
            Err(error) => return Err(error),
        }
        self.metrics.slow_paths.inc();
        self.look().await?;
        let is_own = |elector: &Self| match &elector.known {
            Known::Seen(observation) => elector.is_own(&observation.lease),
            Known::Absent { .. } => true,
            Known::Unknown => false,
        };
        if !is_own(self) {
            return Ok(Renewal::Taken);
        }
        match self.hold().await {
            Err(error) if was_overtaken(&error) => {
                self.look().await?;
                if is_own(self) { Err(error) } else { Ok(Renewal::Taken) }
            }
            written => written.map(Renewal::Done),
        }
    }
}
