//! The stream of the API: every transition, once, in the order of commits.

use http::HeaderMap;
use indexmap::IndexMap;
use serde_json::json;

use super::feed::{Ended, Feed};
use super::pace::Pace;
use super::start::{Start, last_seen, start};
use crate::model::{JobRow, Transition};
use crate::portal::PortalState;
use crate::store::{Store, StoreError};

/// Transitions read in one go.
const BATCH: u32 = 500;

/// Sends each transition after the last one seen as an event `transition` whose id is the transition's.
pub(crate) async fn transition_events(
    state: PortalState,
    headers: HeaderMap,
    after: String,
    job: Option<String>,
    feed: Feed,
) -> Ended {
    let store = state.store().clone();
    let mut pace = Pace::new(&store);
    let seen = last_seen(&headers, &after);
    let mut last = match (seen, start(&store, seen).await?) {
        (Some(seen), Start::After(_)) => seen,
        (None, _) => store.latest_transition_id().await?,
        (Some(_), Start::Reset(_)) => {
            let latest = store.latest_transition_id().await?;
            feed.event("reset", Some(latest), "{}").await?;
            latest
        }
    };
    loop {
        let transitions = store.transitions_after(last, BATCH).await?;
        let is_cut = transitions.len() >= BATCH as usize;
        let jobs = jobs_of(&store, &transitions).await?;
        for transition in &transitions {
            last = transition.id;
            let Some(row) = jobs.get(&transition.job_id) else { continue };
            if job.as_ref().is_none_or(|uid| *uid == row.uid) {
                feed.event("transition", Some(last), &data(row, transition)).await?;
            }
        }
        if !is_cut {
            pace.next(&feed, None).await?;
        }
    }
}

async fn jobs_of(store: &Store, transitions: &[Transition]) -> Result<IndexMap<i64, JobRow>, StoreError> {
    let mut jobs = IndexMap::new();
    for transition in transitions {
        if !jobs.contains_key(&transition.job_id)
            && let Some(job) = store.job_by_id(transition.job_id).await?
        {
            jobs.insert(transition.job_id, job);
        }
    }
    Ok(jobs)
}

fn data(job: &JobRow, transition: &Transition) -> String {
    let job = json!({
        "cluster": job.cluster, "uid": job.uid, "kind": job.kind, "namespace": job.namespace, "name": job.name,
    });
    json!({ "job": job, "transition": transition }).to_string()
}
