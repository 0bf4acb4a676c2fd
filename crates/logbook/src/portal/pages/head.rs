//! The head of a job page: what it is, what became of it and why, and what can be done about it.

use maud::{Markup, html};

use super::row::{submitter, submitter_title};
use super::{JobHistory, icon, pill};
use crate::model::{Coverage, JobRow, JobState};
use crate::portal::explain::fate;
use crate::portal::format::{completed, cut, elapsed, relative};
use crate::portal::timeline::{segments, strip};
use crate::portal::urls::encode;
use crate::portal::{RequestContext, Words, fill};

/// Characters of a message from the cluster; the transitions have it again.
const MESSAGE: usize = 600;

pub(super) fn head(context: &RequestContext, history: &JobHistory) -> Markup {
    let (words, job, now) = (context.words, &history.job, context.now);
    html! {
        section.sheet.panel.head #head {
            @if let Some(problem) = &context.problem {
                div.alert role="alert" { (icon("alert")) (fill(words.action_failed, &[problem])) }
            }
            div.title {
                (pill(words, job.state, true))
                h1 { (job.name) }
                @if context.is_writable && job.deleted_at.is_none() { (actions(context, job)) }
            }
            div.fate {
                (fate(words, job, &history.pods, now))
                @if let Some(message) = message(job) {
                    // The sentence of a failed job has the reason already.
                    @let reason = job.reason.as_ref().filter(|_| job.state != JobState::Failed);
                    q title=[(message.len() > MESSAGE).then_some(message)] {
                        @if let Some(reason) = reason { b { (reason) } " · " }
                        (cut(message, MESSAGE))
                    }
                }
            }
            (facts(context, job))
            (strip(words, &segments(job, &history.transitions, now)))
        }
    }
}

/// The cluster's own words, unless the state says it all.
fn message(job: &JobRow) -> Option<&str> {
    job.message.as_deref().filter(|message| !message.is_empty() && job.state != JobState::Succeeded)
}

fn facts(context: &RequestContext, job: &JobRow) -> Markup {
    let (words, now) = (context.words, context.now);
    let wanted = job.completions.or(job.parallelism).unwrap_or(1);
    html! {
        dl.facts {
            div { dt { (words.namespace) } dd title=(job.namespace) { (job.namespace) } }
            div { dt { (words.kind) } dd { (job.kind) } }
            div { dt { (words.submitter) } dd title=[submitter_title(job)] { (submitter(job)) } }
            div { dt { (words.created) } dd { (relative(words, job.created_at, now)) } }
            div { dt { (words.wait) } dd {
                @if job.started_at.is_none() && job.ended_at.is_none() { (elapsed(job.created_at, None, now)) }
                @else { (completed(job.waited(now))) }
            } }
            div { dt { (words.run) } dd {
                @if let Some(started) = job.started_at { (elapsed(started, job.ended_at, now)) } @else { "–" }
            } }
            div { dt { (words.progress) } dd {
                (job.succeeded) " / " (wanted)
                @if job.failed > 0 { span.soft { " · " (fill(words.pods_failed, &[&job.failed.to_string()])) } }
            } }
            div { dt { (words.attempts) } dd { (job.attempt) } }
            div { dt { (words.coverage) } dd title=(job.coverage) { (coverage(words, job.coverage)) } }
            @if let Some(at) = job.ended_at { div { dt { (words.ended) } dd { (relative(words, at, now)) } } }
            @if let Some(at) = job.deleted_at { div { dt { (words.deleted) } dd { (relative(words, at, now)) } } }
            div.rest { dt { (words.uid) } dd.mono title=(job.uid) { (job.uid) } }
        }
    }
}

fn coverage(words: &Words, coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Full => words.coverage_full,
        Coverage::LeftCensored => words.coverage_left,
        Coverage::Gap => words.coverage_gap,
    }
}

/// The actions that make sense in the job's state.
fn actions(context: &RequestContext, job: &JobRow) -> Markup {
    let words = context.words;
    let is_suspended = matches!(job.state, JobState::Suspended | JobState::Suspending | JobState::Queued);
    let ended = job.state.is_terminal();
    html! {
        div.actions {
            @if !ended && is_suspended { (action(context, job, "resume", words.resume, None)) }
            @if !ended && !is_suspended && job.state != JobState::Cancelling {
                (action(context, job, "suspend", words.suspend, None))
            }
            @if ended { (action(context, job, "delete", words.remove, Some(words.confirm_remove))) }
            @else { (action(context, job, "delete", words.cancel, Some(words.confirm_cancel))) }
        }
    }
}

fn action(context: &RequestContext, job: &JobRow, verb: &str, label: &str, confirm: Option<&str>) -> Markup {
    html! {
        form method="post" action={ "/jobs/" (encode(&job.uid)) "/" (verb) } data-confirm=[confirm] {
            input type="hidden" name="token" value=(context.token);
            button.button.danger[confirm.is_some()] { (label) }
        }
    }
}
