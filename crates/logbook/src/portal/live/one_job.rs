//! The stream of a job page: the sections that changed.

use std::time::Duration;

use http::HeaderMap;

use super::feed::{Ended, Feed};
use super::pace::Pace;
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
    let mut pace = Pace::new(&store);
    let is_resumed = headers.contains_key("last-event-id");
    let mut seen = if is_resumed { None } else { context.parameter("seen").parse().ok() };
    let mut shown_history: Option<JobHistory> = None;
    let mut shown_sections: Vec<String> = Vec::new();
    loop {
        let latest = store.latest_transition_id().await?;
        let history = JobHistory::read(&store, &uid).await?;
        let goes_on = history.as_ref().is_some_and(|history| !history.job.state.is_terminal());
        if let Some(history) = history {
            let newest = history.revisions.last().map_or(0, |revision| revision.id);
            let is_shown =
                seen.take() == Some(newest) || (!goes_on && shown_history.as_ref() == Some(&history));
            if !is_shown {
                context.now = state.environment().now();
                let rendered: Vec<String> =
                    sections(&context, &history).into_iter().map(maud::PreEscaped::into_string).collect();
                let changed: String = rendered
                    .iter()
                    .enumerate()
                    .filter(|(index, section)| shown_sections.get(*index) != Some(section))
                    .map(|(_, section)| section.as_str())
                    .collect();
                feed.event("sections", Some(latest), &changed).await?;
                shown_sections = rendered;
            }
            shown_history = Some(history);
        }
        pace.next(&feed, goes_on.then_some(REFRESH)).await?;
    }
}
