//! The labels of a job, from its newest stored version.

use maud::{Markup, html};
use serde_json::Value;

use super::JobHistory;
use crate::portal::Words;

pub(super) fn labels(words: &Words, history: &JobHistory) -> Markup {
    let labels = history.document.as_ref().and_then(|document| document.pointer("/metadata/labels"));
    let labels = labels.and_then(Value::as_object).filter(|labels| !labels.is_empty());
    html! {
        section.sheet.panel #labels {
            header { h2 { (words.labels) } }
            @if let Some(labels) = labels {
                div.labels {
                    @for (key, value) in labels {
                        span.chip { (key) "=" (value.as_str().unwrap_or_default()) }
                    }
                }
            } @else { p.none { (words.no_labels) } }
        }
    }
}
