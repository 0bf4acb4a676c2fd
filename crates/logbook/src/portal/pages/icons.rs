//! The icons, and the state pill: a shape, a word and a colour, so that no one of them has to be seen.

use maud::{Markup, PreEscaped, html};

use crate::model::JobState;
use crate::portal::Words;

/// Names and drawings, on a 24 by 24 grid, stroked.
const DRAWINGS: &[(&str, &str)] = &[
    ("submitted", r#"<circle cx="12" cy="12" r="8.5" stroke-dasharray="3.2 3.2"/>"#),
    ("queued", r#"<path d="M5 7h14M5 12h14M5 17h8"/>"#),
    ("waiting", r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 7.2V12l3.2 2.2"/>"#),
    ("starting", r#"<path d="M12 20V5M6 11l6-6 6 6"/>"#),
    ("running", r#"<path d="M7.5 4.8v14.4L19 12z" fill="currentColor"/>"#),
    ("paused", r#"<path d="M8.5 5.5v13M15.5 5.5v13" stroke-width="3"/>"#),
    ("succeeded", r#"<path d="m4.8 12.6 4.8 4.8L19.5 7"/>"#),
    ("failed", r#"<path d="m6 6 12 12M18 6 6 18"/>"#),
    ("stopped", r#"<circle cx="12" cy="12" r="8.5"/><path d="m6 18 12-12"/>"#),
    (
        "lost",
        r#"<path d="M8.2 8.8a3.9 3.9 0 1 1 5.7 3.5c-1.3.7-1.9 1.4-1.9 2.9"/><path d="M12 19h.01" stroke-width="3"/>"#,
    ),
    (
        "helm",
        concat!(
            r#"<circle cx="12" cy="12" r="6.4"/><circle cx="12" cy="12" r="1.5"/>"#,
            r#"<path d="M12 1.8v8.7M12 13.5v8.7M1.8 12h8.7M13.5 12h8.7M4.8 4.8l6.1 6.1"/>"#,
            r#"<path d="M13.1 13.1l6.1 6.1M19.2 4.8l-6.1 6.1M10.9 13.1l-6.1 6.1"/>"#,
        ),
    ),
    (
        "theme",
        r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor"/>"#,
    ),
    (
        "keyboard",
        concat!(
            r#"<rect x="2.5" y="6" width="19" height="12" rx="2"/>"#,
            r#"<path d="M6.5 10h.01M10.2 10h.01M13.8 10h.01M17.5 10h.01M8 14h8"/>"#,
        ),
    ),
    ("plus", r#"<path d="M12 5v14M5 12h14"/>"#),
    ("alert", r#"<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17h.01"/>"#),
    ("cluster", r#"<path d="m12 3 8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12 4 7.5"/>"#),
    ("arrow", r#"<path d="M5 12h14M13 6l6 6-6 6"/>"#),
];

/// All icons as symbols, once per page.
pub(super) fn sprite() -> Markup {
    html! {
        svg.sprite aria-hidden="true" {
            @for (name, drawing) in DRAWINGS {
                symbol id={ "i-" (name) } viewBox="0 0 24 24" { (PreEscaped(drawing)) }
            }
        }
    }
}

/// One icon.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg.icon aria-hidden="true" viewBox="0 0 24 24" { use href={ "#i-" (name) } {} } }
}

/// The state as icon, word and colour.
pub(crate) fn pill(words: &Words, state: JobState, large: bool) -> Markup {
    html! {
        span.pill.large[large] data-tone=(tone(state)) data-moving[is_moving(state)] {
            (icon(state_icon(state))) (words.of_state(state))
        }
    }
}

/// The name of the state's colour.
pub(crate) const fn tone(state: JobState) -> &'static str {
    match state {
        JobState::Submitted => "submitted",
        JobState::Queued | JobState::Pending => "waiting",
        JobState::Starting => "starting",
        JobState::Running => "running",
        JobState::Suspending | JobState::Suspended | JobState::Cancelling | JobState::Cancelled => "paused",
        JobState::Succeeding | JobState::Succeeded => "succeeded",
        JobState::Failing | JobState::Failed => "failed",
        JobState::Lost => "lost",
    }
}

const fn state_icon(state: JobState) -> &'static str {
    match state {
        JobState::Submitted => "submitted",
        JobState::Queued => "queued",
        JobState::Pending => "waiting",
        JobState::Starting => "starting",
        JobState::Running => "running",
        JobState::Suspending | JobState::Suspended => "paused",
        JobState::Succeeding | JobState::Succeeded => "succeeded",
        JobState::Failing | JobState::Failed => "failed",
        JobState::Cancelling | JobState::Cancelled => "stopped",
        JobState::Lost => "lost",
    }
}

const fn is_moving(state: JobState) -> bool {
    use JobState::{Cancelling, Failing, Running, Starting, Succeeding, Suspending};
    matches!(state, Starting | Running | Suspending | Succeeding | Failing | Cancelling)
}
