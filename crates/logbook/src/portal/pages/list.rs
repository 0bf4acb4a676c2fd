//! The list page: figures, filters, table.

use indexmap::IndexMap;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Answer, Place, icon, row, shell};
use crate::model::{JobRow, JobState, Page};
use crate::portal::format::elapsed;
use crate::portal::language::fill;
use crate::portal::urls::encode;
use crate::portal::view::{ListView, PAGE_ROWS, Scope};
use crate::portal::{RequestContext, Words};
use crate::store::{Store, StoreError};

/// `GET /`.
pub(crate) async fn list(context: &RequestContext, store: &Store) -> Answer {
    let view = ListView::of(context);
    // Read before the rows: what is committed in between comes again as an event.
    let latest = store.latest_transition_id().await?;
    let cursor = (!view.page.is_empty()).then_some(view.page.as_str());
    let page = store.list_jobs(&view.filter(), cursor).await?;
    let namespaces = store.namespaces().await?;
    let read = Figures::read(store, view.namespace()).await?;
    let figures = figures(context.words, &read, &view, context.now);
    let content = html! {
        (figures)
        (filters(context, &view, &namespaces))
        (table(context, &view, &page))
    };
    let address = view.address("/events");
    let separator = if address.contains('?') { '&' } else { '?' };
    let events = format!("{address}{separator}after={latest}");
    Ok(shell(context, context.words.jobs, Place::Jobs, Some(&events), &content))
}

/// What the strip of figures says.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    counts: IndexMap<JobState, u64>,
    oldest: Option<JobRow>,
}

impl Figures {
    /// Reads them, of one namespace or of all.
    pub(crate) async fn read(store: &Store, namespace: Option<&str>) -> Result<Self, StoreError> {
        let counts = store.counts_by_state(namespace).await?;
        Ok(Self { counts, oldest: store.oldest_waiting(namespace).await? })
    }
}

/// The strip of figures; the live updates send the same.
pub(crate) fn figures(words: &Words, read: &Figures, view: &ListView, now: Timestamp) -> Markup {
    let count = |scope: Scope| sum(&read.counts, scope);
    let (succeeded, failed, stopped) = (count(Scope::Succeeded), count(Scope::Failed), count(Scope::Stopped));
    let ended = succeeded + failed + stopped;
    let share = (succeeded * 100).checked_div(ended).map_or("–".to_owned(), |share| format!("{share} %"));
    let tiles = [
        (Scope::Waiting, "waiting", words.waiting_note.to_owned()),
        (Scope::Active, "running", words.active_note.to_owned()),
        (Scope::Succeeded, "succeeded", fill(words.succeeded_note, &[&share])),
        (Scope::Failed, "failed", fill(words.failed_note, &[&stopped.to_string()])),
    ];
    html! {
        section.figures #figures {
            @for (scope, image, note) in tiles {
                a.figure href=(view.scoped(scope).address("/")) data-tone=(scope.as_str()) {
                    span.label { (icon(image)) (scope.label(words)) }
                    span.number { (count(scope)) }
                    span.note { (note) }
                }
            }
            (oldest_waiting(words, read.oldest.as_ref(), now))
        }
    }
}

fn sum(counts: &IndexMap<JobState, u64>, scope: Scope) -> u64 {
    counts.iter().filter(|(state, _)| scope.holds(**state)).map(|(_, count)| count).sum()
}

fn oldest_waiting(words: &Words, oldest: Option<&JobRow>, now: Timestamp) -> Markup {
    html! {
        @if let Some(job) = oldest {
            a.figure href={ "/jobs/" (encode(&job.uid)) } data-tone="waiting" {
                span.label { (icon("queued")) (words.oldest_waiting) }
                span.number { (elapsed(job.created_at, None, now)) }
                span.note title=(job.name) { (job.namespace) " / " (job.name) }
            }
        } @else {
            div.figure {
                span.label { (icon("queued")) (words.oldest_waiting) }
                span.number { "–" }
                span.note { (words.nothing_waits) }
            }
        }
    }
}

fn filters(context: &RequestContext, view: &ListView, namespaces: &[String]) -> Markup {
    let words = context.words;
    html! {
        div.filters {
            div.segments role="group" aria-label=(words.state) {
                @for scope in Scope::ALL {
                    a href=(view.scoped(scope).address("/")) aria-current=[(scope == view.scope).then_some("true")] {
                        (scope.label(words))
                    }
                }
            }
            form method="get" action="/" role="search" {
                @if view.scope != Scope::All { input type="hidden" name="state" value=(view.scope.as_str()); }
                select name="namespace" data-apply aria-label=(words.namespace) {
                    option value="" { (words.all_namespaces) }
                    @for namespace in namespaces {
                        option value=(namespace) selected[*namespace == view.namespace] { (namespace) }
                    }
                }
                input #search type="search" name="q" value=(view.name) placeholder=(words.search_placeholder)
                    aria-label=(words.search_placeholder) autocomplete="off" spellcheck="false";
                noscript { button.button { (words.apply) } }
            }
            @if view.is_filtered() { a href="/" { (words.clear) } }
            @if context.is_writable {
                a.button.primary.spacer href="/submit" { (icon("plus")) (words.submit) }
            }
        }
    }
}

fn table(context: &RequestContext, view: &ListView, page: &Page<JobRow>) -> Markup {
    let words = context.words;
    let is_first = view.page.is_empty();
    html! {
        div.newer #newer hidden { button.button.primary type="button" {} }
        div.sheet #sheet hidden[page.items.is_empty()] {
            table.jobs {
                thead { tr {
                    th { (words.state) }
                    th { (words.name) }
                    th { (words.namespace) }
                    th.kind { (words.kind) }
                    th.submitter { (words.submitter) }
                    th.number { (words.attempts) }
                    th.number { (words.wait) }
                    th.number { (words.run) }
                    th { (words.reason) }
                    th.number { (words.created) }
                } }
                tbody #rows data-live=(if is_first { "top" } else { "no" }) data-limit=(PAGE_ROWS) {
                    @for job in &page.items { (row(words, job, context.now, false)) }
                }
            }
            @if !is_first || page.next.is_some() {
                div.more {
                    @if !is_first { a.button href=(view.paged("").address("/")) { (words.newest) } }
                    @if let Some(next) = &page.next {
                        a.button rel="next" href=(view.paged(next).address("/")) { (words.older) }
                    }
                }
            }
        }
        @if page.items.is_empty() { (empty(words, view)) }
    }
}

fn empty(words: &Words, view: &ListView) -> Markup {
    html! {
        div.sheet #empty { div.empty {
            (icon("helm"))
            @if !view.page.is_empty() {
                h2 { (words.no_more_title) }
                a.button href=(view.paged("").address("/")) { (words.newest) }
            } @else if view.is_filtered() {
                h2 { (words.empty_filtered_title) }
                p { (words.empty_filtered_text) }
                a.button href="/" { (words.clear) }
            } @else {
                h2 { (words.empty_title) }
                p { (words.empty_text) }
                div.command { code { "kubectl create job hello --image=busybox -- echo hi" } }
            }
        } }
    }
}
