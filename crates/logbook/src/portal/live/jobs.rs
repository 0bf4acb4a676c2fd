//! The stream of the list page: rows and figures.

use http::HeaderMap;

use super::feed::{Ended, Feed};
use super::pace::{News, Pace};
use super::start::{Start, last_seen, reachable, start};
use crate::model::JobRow;
use crate::portal::pages::{Figures, figures, row};
use crate::portal::view::ListView;
use crate::portal::{PortalState, RequestContext};
use crate::store::StoreError;

/// Revisions looked at in one go while catching up.
const BATCH: u32 = 500;

/// Sends each job of the view that changes as a `row`, then the figures as `sections` with the id to resume from.
pub(crate) async fn list_events(
    state: PortalState,
    context: RequestContext,
    headers: HeaderMap,
    feed: Feed,
) -> Ended {
    let mut pace = Pace::begin(state.tail()).await?;
    let start = start(state.store(), last_seen(&headers, context.parameter("after"))).await?;
    let view = ListView::of(&context);
    let mut stream = ListStream { state, context, view, feed, revision: 0, shown: String::new() };
    stream.begin(start).await?;
    loop {
        match pace.next(&stream.feed, None).await? {
            News::Batch(batch) => {
                for job in &batch.jobs {
                    stream.row(job).await?;
                }
                stream.revision = stream.revision.max(batch.revision);
                if !batch.is_cut {
                    let figures = batch.figures(stream.state.store(), stream.view.namespace()).await?;
                    stream.figures(&figures, batch.transition, !batch.jobs.is_empty()).await?;
                }
            }
            News::Behind | News::Refresh => {
                let start = reachable(stream.state.store(), stream.revision).await?;
                stream.begin(start).await?;
            }
        }
    }
}

struct ListStream {
    state: PortalState,
    context: RequestContext,
    view: ListView,
    feed: Feed,
    /// Everything up to this revision has been sent.
    revision: i64,
    /// The figures as sent last.
    shown: String,
}

impl ListStream {
    /// Sends what the database has beyond the reader's place.
    async fn begin(&mut self, start: Start) -> Ended {
        self.revision = match start {
            Start::After(revision) => revision,
            Start::Reset(revision) => {
                self.feed.event("reset", None, "").await?;
                revision
            }
        };
        let store = self.state.store().clone();
        loop {
            // Read first: everything up to this transition is in what is read after it.
            let latest = store.latest_transition_id().await?;
            let touched = store.jobs_touched_after(self.revision, BATCH).await?;
            self.revision = touched.revision;
            for id in &touched.jobs {
                if let Some(job) = store.job_by_id(*id).await? {
                    self.row(&job).await?;
                }
            }
            if !touched.is_cut {
                let figures = self.read_figures().await?;
                return self.figures(&figures, latest, !touched.jobs.is_empty()).await;
            }
        }
    }

    async fn read_figures(&self) -> Result<Figures, StoreError> {
        Figures::read(self.state.store(), self.view.namespace()).await
    }

    async fn row(&mut self, job: &JobRow) -> Ended {
        if self.view.concerns(job) {
            let departed = !self.view.scope.holds(job.state);
            let now = self.state.environment().now();
            let row = row(self.context.words, job, now, departed).into_string();
            self.feed.event("row", None, &row).await?;
        }
        Ok(())
    }

    async fn figures(&mut self, read: &Figures, latest: i64, has_rows: bool) -> Ended {
        let now = self.state.environment().now();
        let figures = figures(self.context.words, read, &self.view, now).into_string();
        if figures != self.shown || has_rows {
            self.feed.event("sections", Some(latest), &figures).await?;
            self.shown = figures;
        }
        Ok(())
    }
}
