//! When a stream has something to do, and its heartbeat meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::batch::Batch;
use super::feed::{Closed, Feed};
use super::tail::Tail;
use crate::store::StoreError;

/// Silence that a comment breaks.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a stream wakes up for.
pub(super) enum News {
    /// Something was committed.
    Batch(Arc<Batch>),
    /// The stream fell behind: it must look at the database itself, from its own cursor.
    Behind,
    /// The time has come to draw anew.
    Refresh,
}

/// The waiting of one stream.
pub(super) struct Pace {
    batches: broadcast::Receiver<Arc<Batch>>,
    spoke: Instant,
}

impl Pace {
    /// Begin before the first look at the database: what is committed after that is then not missed.
    pub(super) async fn begin(tail: &Tail) -> Result<Self, StoreError> {
        Ok(Self { batches: tail.subscribe().await?, spoke: Instant::now() })
    }

    /// Waits for the next news, or for `refresh_at`.
    pub(super) async fn next(&mut self, feed: &Feed, refresh_at: Option<Instant>) -> Result<News, Closed> {
        loop {
            let beat = self.spoke + HEARTBEAT;
            let until = refresh_at.map_or(beat, |at| at.min(beat));
            let received = tokio::select! {
                biased;
                () = feed.closed() => return Err(Closed),
                received = timeout_at(until, self.batches.recv()) => received,
            };
            match received {
                Ok(Ok(batch)) => return Ok(News::Batch(batch)),
                Ok(Err(RecvError::Lagged(_))) => return Ok(News::Behind),
                Ok(Err(RecvError::Closed)) => return Err(Closed),
                Err(_) if refresh_at.is_some_and(|at| at <= Instant::now()) => return Ok(News::Refresh),
                Err(_) => {
                    feed.heartbeat().await?;
                    self.spoke = Instant::now();
                }
            }
        }
    }
}
