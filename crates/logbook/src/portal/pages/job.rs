//! The job page, made of sections that the live updates send again when they change.

use std::time::Duration;

use maud::{Markup, html};

use super::{Answer, Place, Trouble, head, history, icon, labels, pods, shell};
use crate::model::{Coverage, Gap, JobRow, NotificationRow, PodRow, Revision, Transition};
use crate::portal::RequestContext;
use crate::portal::timeline::chart;
use crate::portal::urls::address;
use crate::store::{Store, StoreError};

/// How long a page asked for right after its job was submitted waits for the first version.
const FIRST_VERSION: Duration = Duration::from_secs(2);

/// Gaps read to find those in a job's life.
const GAPS: u32 = 200;

/// Everything on record about one job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobHistory {
    pub(crate) job: JobRow,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) pods: Vec<PodRow>,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) notifications: Vec<NotificationRow>,
    /// Intervals of the job's life that nobody observed.
    pub(crate) gaps: Vec<Gap>,
    /// The newest stored version of the job itself.
    pub(crate) document: Option<serde_json::Value>,
}

impl JobHistory {
    /// Reads it; `None` if the logbook does not know the job.
    pub(crate) async fn read(store: &Store, uid: &str) -> Result<Option<Self>, StoreError> {
        let Some(job) = store.job_by_uid(uid).await? else { return Ok(None) };
        let revisions = store.revisions(job.id).await?;
        let newest = revisions.iter().rev().find(|one| one.uid == job.uid && one.document_length.is_some());
        let document = match newest {
            Some(revision) => store.revision_document(revision.id).await?,
            None => None,
        };
        let gaps = match job.coverage {
            Coverage::Full => Vec::new(),
            _ => store.gaps(GAPS).await?.into_iter().filter(|gap| is_within(gap, &job)).collect(),
        };
        Ok(Some(Self {
            transitions: store.transitions(job.id).await?,
            pods: store.pods(job.id).await?,
            notifications: store.notifications(job.id).await?,
            document: document.and_then(|text| serde_json::from_str(&text).ok()),
            revisions,
            gaps,
            job,
        }))
    }
}

fn is_within(gap: &Gap, job: &JobRow) -> bool {
    gap.to_at >= job.created_at && job.ended_at.is_none_or(|ended| gap.from_at <= ended)
}

/// `GET /jobs/{uid}`.
pub(crate) async fn job(context: &RequestContext, store: &Store, uid: &str) -> Answer {
    let is_new = context.parameter("submitted") == "1";
    let found = match JobHistory::read(store, uid).await? {
        None if is_new => first_version(store, uid).await?,
        found => found,
    };
    let Some(history) = found else {
        return if is_new { Ok(not_yet(context)) } else { Err(Trouble::NotFound) };
    };
    let namespace = html! {
        a href=(address("/", &[("namespace", &history.job.namespace)])) { (history.job.namespace) }
    };
    let content = html! {
        nav.crumbs { a href="/" { (context.words.jobs) } span { "/" } (namespace) }
        @for section in sections(context, &history) { (section) }
    };
    let seen = history.revisions.last().map_or(0, |revision| revision.id).to_string();
    let problem = ["problem", "proof"].map(|name| (name, context.parameter(name)));
    let parameters = [("job", uid), ("seen", &seen), problem[0], problem[1]];
    let events = address("/events", &parameters);
    Ok(shell(context, &history.job.name, Place::Jobs, Some(&events), &content))
}

/// The page's sections, in order; each has an id.
pub(crate) fn sections(context: &RequestContext, history: &JobHistory) -> Vec<Markup> {
    let words = context.words;
    vec![
        head::head(context, history),
        html! {
            section.sheet.panel #timeline {
                header { h2 { (words.timeline) } span.count { "UTC" } }
                (chart(words, history, context.now))
            }
        },
        history::transitions(words, &history.transitions, context.now),
        pods::pods(words, &history.pods, context.now),
        history::notifications(words, &history.notifications, context.now),
        history::revisions(words, history, context.now),
        labels::labels(words, history),
    ]
}

async fn first_version(store: &Store, uid: &str) -> Result<Option<JobHistory>, StoreError> {
    let mut commits = store.subscribe();
    let waiting = async {
        loop {
            if let Some(history) = JobHistory::read(store, uid).await? {
                return Ok(Some(history));
            }
            if commits.changed().await.is_err() {
                return Ok(None);
            }
        }
    };
    tokio::time::timeout(FIRST_VERSION, waiting).await.unwrap_or(Ok(None))
}

/// Tries again by itself, with or without JavaScript.
fn not_yet(context: &RequestContext) -> Markup {
    let words = context.words;
    let content = html! {
        meta http-equiv="refresh" content="1";
        div.sheet { div.empty {
            (icon("submitted"))
            h2 { (words.submitted_title) }
            p { (words.submitted_text) }
        } }
    };
    shell(context, words.submitted_title, Place::Jobs, None, &content)
}
