//! The manager's own candidate.

use tokio_util::task::AbortOnDropHandle;

use super::RunContext;
use crate::leader::{Election, Elector, End, Leadership};
use crate::{Error, Shutdown};

/// An election that runs beside everything else. Dropping it ends it without giving up the lease.
pub(super) struct Candidacy {
    leadership: Leadership,
    stop: Shutdown,
    running: Option<AbortOnDropHandle<End>>,
}

impl Candidacy {
    /// Stands in `election`, where there is one; `context` learns of the leadership.
    pub(super) fn start(election: Option<Election>, context: &mut RunContext) -> Result<Self, Error> {
        let stop = Shutdown::new();
        let Some(election) = election else {
            return Ok(Self { leadership: context.leadership.clone(), stop, running: None });
        };
        let RunContext { client, environment, metrics, .. } = &*context;
        let elector = Elector::new(election, client, environment, metrics)
            .map_err(|source| Error::Election { source })?;
        let leadership = elector.leadership();
        let running = environment.spawn("leader election", elector.run(stop.clone()));
        context.leadership = leadership.clone();
        Ok(Self { leadership, stop, running: Some(AbortOnDropHandle::new(running)) })
    }

    /// Completes when the lease is lost, or the election has failed otherwise.
    pub(super) async fn lost(&self) -> Error {
        // It was not told to stop, so however it ended, it ended too early.
        self.leadership.ended().await;
        Error::LeadershipLost { identity: self.leadership.identity().to_owned() }
    }

    /// Completes when a coordinator prefers another candidate.
    pub(super) async fn asked_to_step_down(&self) {
        let successor = self.leadership.asked_to_step_down().await;
        tracing::info!(successor, "asked to step down: the leader's work ends");
    }

    /// Stands no longer, if it does not lead yet: the manager stops (M5).
    pub(super) fn withdraw(&self) {
        if !self.leadership.is_leader() {
            self.stop.request();
        }
    }

    /// Gives up the lease, now that the leader's work has ended (M6).
    pub(super) async fn end(mut self) {
        self.stop.request();
        if let Some(running) = self.running.take() {
            // It only fails when a hook of the user's panics.
            if let Err(error) = running.await {
                tracing::error!(%error, "leader election failed");
            }
        }
    }
}
