//! The pages of one stored version: the document itself, and what changed since the version before.

use maud::{Markup, html};
use serde_json::Value;

use super::history::event;
use super::{Answer, Place, Trouble, shell};
use crate::model::{JobRow, Revision};
use crate::portal::RequestContext;
use crate::portal::diff::{Change, compare};
use crate::portal::format::absolute;
use crate::portal::language::fill;
use crate::portal::urls::encode;
use crate::portal::yaml::{Line, ValueKind, lines};
use crate::store::Store;

/// A version, the job it belongs to, and its neighbours of the same object.
struct Version {
    job: JobRow,
    revision: Revision,
    previous: Option<Revision>,
    next: Option<Revision>,
}

async fn read(store: &Store, uid: &str, id: &str) -> Result<Version, Trouble> {
    let id: i64 = id.parse().map_err(|_| Trouble::NotFound)?;
    let job = store.job_by_uid(uid).await?.ok_or(Trouble::NotFound)?;
    let all = store.revisions(job.id).await?;
    let revision = all.iter().find(|revision| revision.id == id).ok_or(Trouble::NotFound)?.clone();
    let same = || all.iter().filter(|other| other.uid == revision.uid && other.resource == revision.resource);
    let previous = same().rfind(|other| other.id < id).cloned();
    let next = same().find(|other| other.id > id).cloned();
    Ok(Version { job, revision, previous, next })
}

async fn text(store: &Store, revision: &Revision) -> Result<Option<Value>, Trouble> {
    let text = store.revision_document(revision.id).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// `GET /jobs/{uid}/revisions/{id}`, as YAML, or with `?format=json` as JSON.
pub(crate) async fn document(context: &RequestContext, store: &Store, uid: &str, id: &str) -> Answer {
    let version = read(store, uid, id).await?;
    let is_json = context.parameter("format") == "json";
    let body = match text(store, &version.revision).await? {
        None => html! { p.none { (context.words.no_document) } },
        Some(value) if is_json => {
            let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
            html! { pre.document { @for line in pretty.lines() { span.row { (line) } } } }
        }
        Some(value) => {
            html! { pre.document { @for line in lines(&value) { span.row { (coloured(&line)) } } } }
        }
    };
    Ok(frame(context, &version, View::of(is_json), &body))
}

/// `GET /jobs/{uid}/revisions/{id}/difference`.
pub(crate) async fn difference(context: &RequestContext, store: &Store, uid: &str, id: &str) -> Answer {
    let version = read(store, uid, id).await?;
    let new = text(store, &version.revision).await?;
    let old = match &version.previous {
        Some(previous) => text(store, previous).await?,
        None => None,
    };
    let body = match (old, new) {
        (Some(old), Some(new)) => changes(context, &lines(&old), &lines(&new)),
        (None, Some(_)) => html! { p.none { (context.words.first_version) } },
        _ => html! { p.none { (context.words.no_document) } },
    };
    Ok(frame(context, &version, View::Difference, &body))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Yaml,
    Json,
    Difference,
}

impl View {
    fn of(is_json: bool) -> Self {
        if is_json { Self::Json } else { Self::Yaml }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Yaml => "",
            Self::Json => "?format=json",
            Self::Difference => "/difference",
        }
    }
}

fn frame(context: &RequestContext, version: &Version, view: View, body: &Markup) -> Markup {
    let (words, revision) = (context.words, &version.revision);
    let title = fill(words.version_title, &[&revision.resource_version]);
    let job = format!("/jobs/{}", encode(&version.job.uid));
    let address = |id: i64, view: View| format!("{job}/revisions/{id}{}", view.suffix());
    let views =
        [(View::Yaml, words.as_yaml), (View::Json, words.as_json), (View::Difference, words.difference)];
    let content = html! {
        nav.crumbs {
            a href="/" { (words.jobs) } span { "/" }
            a href=(job) { (version.job.name) } span { "/" }
            span { (title) }
        }
        section.sheet.panel {
            header {
                h2 { (revision.name) }
                span.soft { (event(words, revision.event)) " · " (absolute(revision.observed_at)) }
                span.spacer {}
                @if let Some(previous) = &version.previous {
                    a.button href=(address(previous.id, view)) { "← " (words.previous) }
                }
                @if let Some(next) = &version.next {
                    a.button href=(address(next.id, view)) { (words.next) " →" }
                }
                div.segments {
                    @for (other, label) in views {
                        a href=(address(revision.id, other)) aria-current=[(other == view).then_some("true")] {
                            (label)
                        }
                    }
                }
            }
            (body)
        }
    };
    shell(context, &title, Place::Jobs, None, &content)
}

fn coloured(line: &Line) -> Markup {
    html! {
        (line.prefix)
        @if let Some(key) = &line.key { span.key { (key) } ":" @if line.value.is_some() { " " } }
        @if let Some((value, kind)) = &line.value {
            span class=(match kind { ValueKind::Text => "text", ValueKind::Literal => "literal" }) { (value) }
        }
    }
}

fn changes(context: &RequestContext, old: &[Line], new: &[Line]) -> Markup {
    let text = |lines: &[Line]| lines.iter().map(Line::text).collect::<Vec<_>>();
    let changes = compare(&text(old), &text(new));
    html! {
        pre.document.diff {
            @for change in changes {
                @match change {
                    Change::Same(index) => {
                        span.row data-mark=" " { (new.get(index).map(coloured).unwrap_or_default()) }
                    }
                    Change::Removed(index) => {
                        span.row.removed data-mark="−" { (old.get(index).map(coloured).unwrap_or_default()) }
                    }
                    Change::Added(index) => {
                        span.row.added data-mark="+" { (new.get(index).map(coloured).unwrap_or_default()) }
                    }
                    Change::Folded(count) => {
                        span.fold { (fill(context.words.lines_left_out, &[&count.to_string()])) }
                    }
                }
            }
        }
    }
}
