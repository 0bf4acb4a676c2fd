//! The pods of a job.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::PodRow;
use crate::portal::Words;
use crate::portal::explain::exit_meaning;
use crate::portal::format::{cut, elapsed, moment};
use crate::portal::language::fill;

/// Pods listed at most.
const PODS: usize = 200;

pub(super) fn pods(words: &Words, pods: &[PodRow], now: Timestamp) -> Markup {
    html! {
        section.sheet.panel #pods {
            header { h2 { (words.pods) } span.count { (pods.len()) } }
            @if pods.is_empty() { p.none { (words.no_pods) } } @else {
                div.scroll { table {
                    thead { tr {
                        th { (words.name) } th { (words.phase) } th { (words.exit_code) } th { (words.reason) }
                        th { (words.node) } th.number { (words.restarts) } th { (words.created) }
                        th.number { (words.run) }
                    } }
                    tbody { @for pod in pods.iter().rev().take(PODS) { (pod_row(words, pod, now)) } }
                } }
                @if pods.len() > PODS { p.none { (fill(words.newer_versions, &[&PODS.to_string()])) } }
            }
        }
    }
}

fn pod_row(words: &Words, pod: &PodRow, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (pod.name) @if pod.deleted_at.is_some() { " " span.chip { (words.event_deleted) } } }
            td { (pod.phase) }
            td {
                @if let Some(code) = pod.exit_code {
                    @let is_memory = pod.reason.as_deref() == Some("OOMKilled");
                    span.exit data-tone=(if code == 0 { "succeeded" } else { "failed" })
                        title=[exit_meaning(words, code, is_memory)] { (code) }
                } @else { span.faint { "–" } }
            }
            td.wide {
                @if let Some(reason) = &pod.reason { b { (reason) } " " }
                @if let Some(message) = &pod.message { span.soft { (cut(message, 300)) } }
            }
            td.soft { (pod.node.as_deref().unwrap_or("–")) }
            td.number { (pod.restarts) }
            td { (moment(pod.created_at, now)) }
            td.number {
                @if let Some(started) = pod.started_at {
                    (elapsed(started, pod.ended_at.or(pod.deleted_at), now))
                } @else { span.faint { "–" } }
            }
        }
    }
}
