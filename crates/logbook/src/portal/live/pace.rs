//! When a stream looks again: after a commit, but not too often; and its heartbeat meanwhile.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::feed::{Closed, Feed};
use crate::store::{Commit, Store};

/// A job on the screen changes at most once in this time.
const COALESCE: Duration = Duration::from_millis(200);

/// Silence that a comment breaks.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) struct Pace {
    commits: watch::Receiver<Commit>,
    looked: Instant,
    spoke: Instant,
}

impl Pace {
    /// Subscribe before the first look: a commit after it is then not missed.
    pub(super) fn new(store: &Store) -> Self {
        let now = Instant::now();
        Self { commits: store.subscribe(), looked: now, spoke: now }
    }

    /// Waits until there is something to look at, or until `refresh` has passed since the last look.
    pub(super) async fn next(&mut self, feed: &Feed, refresh: Option<Duration>) -> Result<(), Closed> {
        let refresh_at = refresh.map(|refresh| self.looked + refresh);
        loop {
            let beat = self.spoke + HEARTBEAT;
            let until = refresh_at.map_or(beat, |at| at.min(beat));
            let changed = tokio::select! {
                biased;
                () = feed.closed() => return Err(Closed),
                changed = timeout_at(until, self.commits.changed()) => changed,
            };
            match changed {
                Ok(Ok(())) => break,
                Ok(Err(_)) => return Err(Closed),
                Err(_) if refresh_at.is_some_and(|at| at <= Instant::now()) => break,
                Err(_) => {
                    feed.heartbeat().await?;
                    self.spoke = Instant::now();
                }
            }
        }
        sleep_until(self.looked + COALESCE).await;
        self.looked = Instant::now();
        Ok(())
    }
}
