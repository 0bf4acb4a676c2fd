//! The sections of a job page that list what happened.

use jiff::Timestamp;
use maud::{Markup, html};

use super::{JobHistory, pill};
use crate::model::{
    JobState, NotificationRow, NotificationState, Provenance, Revision, RevisionEvent, Transition,
};
use crate::portal::Words;
use crate::portal::format::{completed, cut, duration, moment, size};
use crate::portal::language::fill;
use crate::portal::timeline::best_time;
use crate::portal::urls::encode;

/// Stored versions listed at most.
const VERSIONS: usize = 60;

/// Characters of a message.
const MESSAGE: usize = 2000;

pub(super) fn transitions(words: &Words, transitions: &[Transition], now: Timestamp) -> Markup {
    html! {
        section.sheet.panel #transitions {
            header { h2 { (words.transitions) } span.count { (transitions.len()) } }
            @if transitions.is_empty() { p.none { (words.no_transitions) } } @else {
                div.scroll { table {
                    thead { tr {
                        th { (words.state) } th { (words.since) } th.number { (words.lasted) }
                        th.number { (words.attempts) } th { (words.reason) } th.number { (words.version) }
                        th { (words.provenance) }
                    } }
                    tbody {
                        @for (index, transition) in transitions.iter().enumerate() {
                            (transition_row(words, transition, transitions.get(index + 1), now))
                        }
                    }
                } }
            }
        }
    }
}

fn transition_row(words: &Words, this: &Transition, next: Option<&Transition>, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (pill(words, this.to, false)) }
            td title=(this.effective_source) { (moment(this.effective_at, now)) }
            td.number {
                @if let Some(next) = next { (completed(best_time(next).duration_since(best_time(this)))) }
                @else if !this.to.is_terminal() {
                    span data-since=(this.effective_at.as_millisecond()) {
                        (duration(now.duration_since(this.effective_at)))
                    }
                }
            }
            td.number { (this.attempt) }
            td.wide {
                @if let Some(reason) = &this.reason { b { (reason) } " " }
                @if let Some(code) = exit_code(this) {
                    span.chip { (fill(words.exit_chip, &[&code.to_string()])) } " "
                }
                @if let Some(message) = &this.message { span.soft { (cut(message, MESSAGE)) } }
            }
            td.number.soft { (this.resource_version) }
            td.soft title=(this.provenance) { (provenance(words, this.provenance)) }
        }
    }
}

/// The exit code, where it belongs to the state: a new attempt still carries that of the one before it.
fn exit_code(transition: &Transition) -> Option<i64> {
    let is_underway = matches!(transition.to, JobState::Starting | JobState::Running);
    transition.exit_code.filter(|_| !is_underway || transition.reason.as_deref() == Some("CrashLoopBackOff"))
}

fn provenance(words: &Words, provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Watch => words.from_watch,
        Provenance::Resume => words.from_resume,
        Provenance::InitialList => words.from_initial_list,
        Provenance::ListAfterGap => words.from_list_after_gap,
        Provenance::InferredStatus => words.from_inferred_status,
        Provenance::InferredAbsence => words.from_inferred_absence,
    }
}

pub(super) fn notifications(words: &Words, notifications: &[NotificationRow], now: Timestamp) -> Markup {
    html! {
        section.sheet.panel #notifications {
            header { h2 { (words.notifications) } span.count { (notifications.len()) } }
            @if notifications.is_empty() { p.none { (words.no_notifications) } } @else {
                div.scroll { table {
                    thead { tr {
                        th { (words.destination) } th { (words.delivery) } th { (words.since) }
                        th.number { (words.tries) } th { (words.answer) }
                    } }
                    tbody {
                        @for one in notifications {
                            tr {
                                td { (one.destination) " " span.chip { (one.kind) } }
                                td { (delivery(words, one.state)) }
                                td { (moment(one.finished_at.unwrap_or(one.created_at), now)) }
                                td.number { (one.attempts) }
                                td.wide.soft {
                                    @if let Some(code) = one.last_code { (code) " " }
                                    @if let Some(error) = &one.last_error { (cut(error, MESSAGE)) }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn delivery(words: &Words, state: NotificationState) -> Markup {
    let (tone, image, word) = match state {
        NotificationState::Pending => ("waiting", "waiting", words.sent_pending),
        NotificationState::Sent => ("succeeded", "succeeded", words.sent_sent),
        NotificationState::Dead => ("failed", "failed", words.sent_dead),
    };
    html! { span.pill data-tone=(tone) { (super::icon(image)) (word) } }
}

pub(super) fn revisions(words: &Words, history: &JobHistory, now: Timestamp) -> Markup {
    let all = &history.revisions;
    let newest = all.iter().rev().take(VERSIONS);
    html! {
        section.sheet.panel #revisions {
            header { h2 { (words.revisions) } span.count { (all.len()) } }
            div.scroll { table {
                thead { tr {
                    th { (words.object) } th { (words.event) } th { (words.seen) } th.number { (words.version) }
                    th.number { (words.size) } th { (words.provenance) } th {} th {}
                } }
                tbody { @for revision in newest { (revision_row(words, &history.job.uid, revision, now)) } }
            } }
            @if all.len() > VERSIONS {
                p.none { (fill(words.newer_versions, &[&VERSIONS.to_string()])) }
            }
        }
    }
}

fn revision_row(words: &Words, job: &str, revision: &Revision, now: Timestamp) -> Markup {
    let address = format!("/jobs/{}/revisions/{}", encode(job), revision.id);
    html! {
        tr {
            td { (revision.name) " " span.chip { (singular(&revision.resource)) } }
            td { (event(words, revision.event)) }
            td { (moment(revision.observed_at, now)) }
            td.number.soft { (revision.resource_version) }
            td.number { @if let Some(length) = revision.document_length { (size(length)) } @else { "–" } }
            td.soft { (provenance(words, revision.provenance)) }
            td { a href=(address) { (words.document) } }
            td { a href={ (address) "/difference" } { (words.difference) } }
        }
    }
}

/// `jobs.batch/v1` is a `job`.
fn singular(resource: &str) -> &str {
    let plural = resource.split(['.', '/']).next().unwrap_or(resource);
    plural.strip_suffix('s').unwrap_or(plural)
}

pub(super) fn event(words: &Words, event: RevisionEvent) -> &'static str {
    match event {
        RevisionEvent::Added => words.event_added,
        RevisionEvent::Modified => words.event_modified,
        RevisionEvent::Deleted => words.event_deleted,
        RevisionEvent::Vanished => words.event_vanished,
    }
}
