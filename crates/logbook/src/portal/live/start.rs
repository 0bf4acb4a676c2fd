//! Where a stream begins.

use http::HeaderMap;

use crate::store::{Store, StoreError};

/// Revisions that a reader may be behind; further back it reads the page anew, which costs less.
const REPLAY: i64 = 20_000;

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// After this revision.
    After(i64),
    /// What the reader last saw is out of reach: it must read everything again. The stream goes on from here.
    Reset(i64),
}

/// The id of the last event that the reader saw: the header that browsers send when they connect again, else the
/// parameter `after` of the address.
pub(super) fn last_seen(headers: &HeaderMap, after: &str) -> Option<i64> {
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    header.and_then(|id| id.trim().parse().ok()).or_else(|| after.parse().ok())
}

/// The revision to begin after, for a reader that saw this transition last.
pub(super) async fn start(store: &Store, last_seen: Option<i64>) -> Result<Start, StoreError> {
    let latest = store.latest_revision_id().await?;
    let revision = match last_seen {
        None => return Ok(Start::After(latest)),
        Some(0) => Some(0),
        Some(transition) => store.revision_of_transition(transition).await?,
    };
    Ok(match revision {
        Some(revision) if latest - revision <= REPLAY => Start::After(revision),
        _ => Start::Reset(latest),
    })
}

/// Where a stream goes on that has sent everything up to `revision` and fell behind.
pub(super) async fn reachable(store: &Store, revision: i64) -> Result<Start, StoreError> {
    let latest = store.latest_revision_id().await?;
    Ok(if latest - revision <= REPLAY { Start::After(revision) } else { Start::Reset(latest) })
}
