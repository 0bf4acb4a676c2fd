//! The strip of states under a job's head, with its legend.

use jiff::SignedDuration;
use maud::{Markup, html};

use super::Segment;
use super::scale::Scale;
use crate::model::JobState;
use crate::portal::Words;
use crate::portal::format::completed;
use crate::portal::pages::tone;

const WIDTH: f64 = 1000.0;

/// The strip; nothing if no stretch has a length.
pub(crate) fn strip(words: &Words, segments: &[Segment]) -> Markup {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return html! {} };
    let scale = Scale::new(first.from, last.to, 0.0, WIDTH);
    html! {
        figure.phase-strip aria-label=(words.phases) {
            div.clip {
                svg.phases viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label=(words.phases) {
                    @for segment in segments {
                        @let (from, to) = (scale.position(segment.from), scale.position(segment.to));
                        rect class={ "fill-" (tone(segment.state)) } x=(format!("{from:.1}")) y="0"
                            width=(format!("{:.1}", (to - from - 1.5).max(1.5))) height="12" {
                            title { (words.of_state(segment.state)) " " (length(segment)) }
                        }
                    }
                }
            }
            figcaption.legend {
                @for (state, total) in totals(segments) {
                    span {
                        svg viewBox="0 0 10 10" aria-hidden="true" {
                            rect class={ "fill-" (tone(state)) } width="10" height="10" rx="2.5" {}
                        }
                        (words.of_state(state)) " " b { (completed(total)) }
                    }
                }
            }
        }
    }
}

fn length(segment: &Segment) -> String {
    completed(segment.to.duration_since(segment.from))
}

/// The time spent in each state, in the order of first appearance.
fn totals(segments: &[Segment]) -> Vec<(JobState, SignedDuration)> {
    let mut totals: Vec<(JobState, SignedDuration)> = Vec::new();
    for segment in segments {
        let length = segment.to.duration_since(segment.from);
        match totals.iter_mut().find(|(state, _)| *state == segment.state) {
            Some((_, total)) => *total += length,
            None => totals.push((segment.state, length)),
        }
    }
    totals
}
