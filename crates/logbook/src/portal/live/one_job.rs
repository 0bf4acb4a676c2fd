//! The stream of a job page: the sections that changed.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::batch::Batch;
use super::feed::{Ended, Feed};
use super::pace::{News, Pace};
use crate::model::NotificationState;
use crate::portal::pages::{JobHistory, sections};
use crate::portal::{PortalState, RequestContext};

/// While a job goes on its drawings grow, whether something was recorded or not.
const REFRESH: Duration = Duration::from_secs(2);

/// Sends the sections of the page of job `uid` that differ from what was sent before. `seen` in the address is the
/// newest revision that the page shows.
pub(crate) async fn job_events(
    state: PortalState,
    mut context: RequestContext,
    headers: HeaderMap,
    uid: String,
    feed: Feed,
) -> Ended {
    let store = state.store().clone();
    let mut pace = Pace::begin(state.tail()).await?;
    let mut latest = store.latest_transition_id().await?;
    let mut history = Arc::new(JobHistory::read(&store, &uid).await?);
    let seen = context.parameter("seen").parse().ok().filter(|_| !headers.contains_key("last-event-id"));
    let is_shown = |known: &JobHistory| seen.is_some() && known.revisions.last().map(|one| one.id) == seen;
    let mut is_due = !history.as_ref().as_ref().is_some_and(is_shown);
    let mut shown: Vec<String> = Vec::new();
    loop {
        let known = history.as_ref().as_ref();
        if let Some(known) = known.filter(|_| is_due) {
            context.now = state.environment().now();
            let rendered: Vec<String> =
                sections(&context, known).into_iter().map(maud::PreEscaped::into_string).collect();
            let changed: String = rendered
                .iter()
                .enumerate()
                .filter(|(index, section)| shown.get(*index) != Some(section))
                .map(|(_, section)| section.as_str())
                .collect();
            if !changed.is_empty() {
                feed.event("sections", Some(latest), &changed).await?;
            }
            shown = rendered;
        }
        let goes_on = known.is_some_and(|known| !known.job.state.is_terminal());
        let refresh_at = goes_on.then(|| Instant::now() + REFRESH);
        is_due = loop {
            match pace.next(&feed, refresh_at).await? {
                News::Refresh => break true,
                News::Batch(batch) if !concerns(&batch, &uid, history.as_ref().as_ref()) => {}
                News::Batch(batch) => {
                    latest = latest.max(batch.transition);
                    let read = batch.history(&store, &uid).await?;
                    let is_new = read != history;
                    history = read;
                    break is_new;
                }
                News::Behind => {
                    latest = store.latest_transition_id().await?;
                    history = Arc::new(JobHistory::read(&store, &uid).await?);
                    break true;
                }
            }
        };
    }
}

/// Whether the batch may have changed what is on record about the job. Deliveries of notifications are commits
/// without revisions.
fn concerns(batch: &Batch, uid: &str, history: Option<&JobHistory>) -> bool {
    let waits_for_delivery = || {
        let notifications = history.into_iter().flat_map(|known| &known.notifications);
        notifications.into_iter().any(|one| one.state == NotificationState::Pending)
    };
    batch.jobs.iter().any(|job| job.uid == uid) || waits_for_delivery()
}
