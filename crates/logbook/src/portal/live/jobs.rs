//! The stream of the list page: rows and figures.

use http::HeaderMap;

use super::feed::{Ended, Feed};
use super::pace::Pace;
use super::start::{Start, last_seen, start};
use crate::portal::pages::{figures, row};
use crate::portal::view::ListView;
use crate::portal::{PortalState, RequestContext};

/// Revisions looked at in one go.
const BATCH: u32 = 500;

/// Sends each job of the view that changes as a `row`, then the figures as `sections` with the id to resume from.
pub(crate) async fn list_events(
    state: PortalState,
    mut context: RequestContext,
    headers: HeaderMap,
    feed: Feed,
) -> Ended {
    let store = state.store().clone();
    let view = ListView::of(&context);
    let mut pace = Pace::new(&store);
    let mut shown_figures = String::new();
    let mut revision = match start(&store, last_seen(&headers, context.parameter("after"))).await? {
        Start::After(revision) => revision,
        Start::Reset(revision) => {
            feed.event("reset", None, "").await?;
            revision
        }
    };
    loop {
        // Read first: everything up to this transition is in what is read after it.
        let latest = store.latest_transition_id().await?;
        let touched = store.jobs_touched_after(revision, BATCH).await?;
        revision = touched.revision;
        context.now = state.environment().now();
        for id in &touched.jobs {
            let Some(job) = store.job_by_id(*id).await? else { continue };
            if view.concerns(&job) {
                let departed = !view.scope.holds(job.state);
                let row = row(context.words, &job, context.now, departed).into_string();
                feed.event("row", None, &row).await?;
            }
        }
        if touched.is_cut {
            continue;
        }
        let figures = figures(context.words, &store, &view, context.now).await?.into_string();
        if figures != shown_figures || !touched.jobs.is_empty() {
            feed.event("sections", Some(latest), &figures).await?;
            shown_figures = figures;
        }
        pace.next(&feed, None).await?;
    }
}
