//! A job as a row of the list; the live updates send the same.

use jiff::Timestamp;
use maud::{Markup, html};

use super::pill;
use crate::model::{Coverage, JobRow, JobState, StateGroup};
use crate::portal::format::{completed, cut, elapsed, relative};
use crate::portal::urls::encode;
use crate::portal::{Words, fill};

/// Characters of a message in the list; the job page has the rest.
const MESSAGE: usize = 160;

/// The row. `departed` marks one that no longer passes the filter: it stays in place, dimmed.
pub(crate) fn row(words: &Words, job: &JobRow, now: Timestamp, departed: bool) -> Markup {
    html! {
        tr id={ "job-" (job.uid) } class=[departed.then_some("departed")]
            title=[departed.then_some(words.departed)]
            data-order=(job.created_at.as_millisecond()) {
            td.state { (pill(words, job.state, false)) }
            td.name title=(job.name) {
                a href={ "/jobs/" (encode(&job.uid)) } { (job.name) }
                @if job.coverage == Coverage::Gap { " " span.chip.gap { (words.coverage_gap) } }
            }
            td.namespace title=(job.namespace) { (job.namespace) }
            td.kind.soft { (short_kind(&job.kind)) }
            td.submitter title=[submitter_title(job)] { (submitter(job)) }
            td.attempts.number { (job.attempt) }
            td.wait.number { (waited(job, now)) }
            td.run.number {
                @if let Some(started) = job.started_at { (elapsed(started, job.ended_at, now)) }
                @else { span.faint { "–" } }
            }
            td.reason title=[job.message.as_deref()] { (reason(words, job)) }
            td.created.number { (relative(words, job.created_at, now)) }
        }
    }
}

fn waited(job: &JobRow, now: Timestamp) -> Markup {
    html! {
        @if job.started_at.is_none() && job.ended_at.is_none() { (elapsed(job.created_at, None, now)) }
        @else { (completed(job.waited(now))) }
    }
}

/// `batch/v1 Job` is `Job` in a narrow column.
pub(super) fn short_kind(kind: &str) -> &str {
    kind.rsplit(' ').next().unwrap_or(kind)
}

/// The whole of what may be cut off.
pub(super) fn submitter_title(job: &JobRow) -> Option<String> {
    let owner = || job.owner_kind.as_deref().zip(job.owner_name.as_deref());
    job.submitter.clone().or_else(|| owner().map(|(kind, name)| format!("{kind} {name}")))
}

/// Who and how, as far as known: the owner stands in for a person.
pub(super) fn submitter(job: &JobRow) -> Markup {
    let owner = job.owner_kind.as_deref().zip(job.owner_name.as_deref());
    html! {
        @if let Some(submitter) = &job.submitter { (submitter) " " }
        @else if let Some((kind, name)) = owner { (kind) " " (name) " " }
        @if let Some(channel) = &job.channel { span.chip { (channel) } }
        @else if job.submitter.is_none() && owner.is_none() { span.faint { "–" } }
    }
}

fn reason(words: &Words, job: &JobRow) -> Markup {
    let exit = job.exit_code.filter(|code| *code != 0 && job.state == JobState::Failed);
    // That all pods succeeded is what the state says already; failures stand out the better.
    if job.state == JobState::Succeeded {
        return html! {};
    }
    html! {
        @if let Some(reason) = &job.reason { b.stuck[is_stuck(job, reason)] { (reason) } " " }
        @if let Some(code) = exit { span.chip { (fill(words.exit_chip, &[&code.to_string()])) } " " }
        @if let Some(message) = &job.message { (cut(message, MESSAGE)) }
    }
}

/// A start that will not succeed by waiting.
fn is_stuck(job: &JobRow, reason: &str) -> bool {
    let words = ["BackOff", "Err", "Invalid", "Unschedulable"];
    job.state.group() == StateGroup::Waiting && words.iter().any(|word| reason.contains(word))
}
