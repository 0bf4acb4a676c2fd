//! The stream of the API: every transition, once, in the order of commits.

use http::HeaderMap;
use serde_json::json;

use super::batch::Batch;
use super::feed::{Ended, Feed};
use super::pace::{News, Pace};
use super::start::{Start, last_seen, start};
use crate::model::{JobRow, Transition};
use crate::portal::PortalState;
use crate::store::Store;

/// Sends each transition after the last one seen as an event `transition` whose id is the transition's.
pub(crate) async fn transition_events(
    state: PortalState,
    headers: HeaderMap,
    after: String,
    job: Option<String>,
    feed: Feed,
) -> Ended {
    let store = state.store().clone();
    let mut pace = Pace::begin(state.tail()).await?;
    let seen = last_seen(&headers, &after);
    let last = match (seen, start(&store, seen).await?) {
        (Some(seen), Start::After(_)) => seen,
        (None, _) => store.latest_transition_id().await?,
        (Some(_), Start::Reset(_)) => {
            let latest = store.latest_transition_id().await?;
            feed.event("reset", Some(latest), "{}").await?;
            latest
        }
    };
    let mut stream = TransitionStream { feed, job, last };
    stream.catch_up(&store).await?;
    loop {
        match pace.next(&stream.feed, None).await? {
            News::Batch(batch) => stream.send(&batch).await?,
            News::Behind | News::Refresh => stream.catch_up(&store).await?,
        }
    }
}

struct TransitionStream {
    feed: Feed,
    /// Only the transitions of the job with this uid.
    job: Option<String>,
    /// Everything up to this transition has been sent.
    last: i64,
}

impl TransitionStream {
    /// Sends what the database has beyond the reader's place.
    async fn catch_up(&mut self, store: &Store) -> Ended {
        loop {
            // No revision is above the highest number: the jobs come with their transitions only.
            let batch = Batch::read(store, i64::MAX, self.last).await?;
            self.send(&batch).await?;
            if !batch.is_cut {
                return Ok(());
            }
        }
    }

    /// Sends what the reader has not had.
    async fn send(&mut self, batch: &Batch) -> Ended {
        for (row, transition) in &batch.transitions {
            if transition.id > self.last && self.job.as_ref().is_none_or(|uid| *uid == row.uid) {
                self.feed.event("transition", Some(transition.id), &data(row, transition)).await?;
            }
        }
        self.last = self.last.max(batch.transition);
        Ok(())
    }
}

fn data(job: &JobRow, transition: &Transition) -> String {
    let job = json!({
        "cluster": job.cluster, "uid": job.uid, "kind": job.kind, "namespace": job.namespace, "name": job.name,
    });
    json!({ "job": job, "transition": transition }).to_string()
}
