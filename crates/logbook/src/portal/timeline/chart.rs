//! The chart: one lane for waiting, one for starting, one for each pod; hatched where nobody watched.

use jiff::Timestamp;
use maud::{Markup, html};

use super::scale::Scale;
use super::{Segment, segments};
use crate::model::{Gap, JobState, PodRow, StateGroup};
use crate::portal::Words;
use crate::portal::format::{clock, completed, cut};
use crate::portal::language::fill;
use crate::portal::pages::{JobHistory, tone};

const WIDTH: f64 = 1320.0;
const LABELS: f64 = 216.0;
const RIGHT: f64 = 14.0;
const LANE: f64 = 27.0;
const BAR: f64 = 15.0;
const TOP: f64 = 22.0;
/// Pods drawn at most, the newest; the table has all.
const MAX_PODS: usize = 24;

/// One bar in a lane.
struct Bar {
    from: Timestamp,
    to: Timestamp,
    tone: &'static str,
    title: String,
}

struct Lane {
    label: String,
    bars: Vec<Bar>,
}

/// The chart of one job.
pub(crate) fn chart(words: &Words, history: &JobHistory, now: Timestamp) -> Markup {
    let job = &history.job;
    let stretches = segments(job, &history.transitions, now);
    let end = end(history, now);
    let scale = Scale::new(job.created_at, end, LABELS, WIDTH - LABELS - RIGHT);
    let mut lanes = job_lanes(words, &stretches);
    let older = history.pods.len().saturating_sub(MAX_PODS);
    lanes.extend(history.pods.iter().skip(older).map(|pod| pod_lane(words, pod, end)));
    let height = TOP + LANE * count(lanes.len()) + 8.0;
    html! {
        div.chart {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(words.timeline) {
                defs {
                    pattern #hatch width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                        rect.hatch-ground width="7" height="7" {}
                        line.hatch-line x1="0" y1="0" x2="0" y2="7" {}
                    }
                }
                (axis(&scale, height))
                @for (index, lane) in lanes.iter().enumerate() { (draw_lane(lane, count(index), &scale)) }
                @for gap in &history.gaps { (hatched(words, gap, &scale, height)) }
                @if job.ended_at.is_none() {
                    @let x = format!("{:.1}", scale.position(now));
                    line.now x1=(x) x2=(x) y1=(format!("{:.0}", TOP - 4.0)) y2=(format!("{:.0}", height - 4.0)) {
                        title { (words.now) }
                    }
                }
            }
        }
    }
}

/// The right end: the last thing known of an ended job, with a little air; now for one that goes on.
fn end(history: &JobHistory, now: Timestamp) -> Timestamp {
    let Some(ended) = history.job.ended_at else { return now };
    let last = history.transitions.last().map(|last| last.effective_at);
    let pods = history.pods.iter().filter_map(|pod| pod.ended_at);
    pods.chain(last).fold(ended, Timestamp::max)
}

#[expect(clippy::cast_precision_loss, reason = "a chart has few lanes")]
fn count(lanes: usize) -> f64 {
    lanes as f64
}

fn job_lanes(words: &Words, stretches: &[Segment]) -> Vec<Lane> {
    let waits = |state: JobState| state.group() == StateGroup::Waiting && state != JobState::Starting;
    let bars = |wanted: &dyn Fn(JobState) -> bool| {
        let chosen = stretches.iter().filter(|stretch| wanted(stretch.state));
        chosen.map(|stretch| bar(words, stretch)).collect::<Vec<_>>()
    };
    let lanes = [
        Lane { label: words.lane_waiting.to_owned(), bars: bars(&waits) },
        Lane { label: words.lane_starting.to_owned(), bars: bars(&|state| state == JobState::Starting) },
        Lane {
            label: words.lane_running.to_owned(),
            bars: bars(&|state| state.group() == StateGroup::Active),
        },
    ];
    lanes.into_iter().filter(|lane| !lane.bars.is_empty()).collect()
}

fn bar(words: &Words, stretch: &Segment) -> Bar {
    let length = completed(stretch.to.duration_since(stretch.from));
    let title = format!("{} {length}", words.of_state(stretch.state));
    Bar { from: stretch.from, to: stretch.to, tone: tone(stretch.state), title }
}

fn pod_lane(words: &Words, pod: &PodRow, end: Timestamp) -> Lane {
    let over = pod.ended_at.or(pod.deleted_at).unwrap_or(end);
    let scheduled = pod.scheduled_at.or(pod.started_at);
    let mut bars = Vec::new();
    let mut push = |from: Timestamp, to: Timestamp, tone, word: &str| {
        if to >= from {
            let title = format!("{word} {}", completed(to.duration_since(from)));
            bars.push(Bar { from, to, tone, title });
        }
    };
    push(pod.created_at, scheduled.unwrap_or(over), "waiting", words.of_state(JobState::Pending));
    if let Some(scheduled) = scheduled {
        push(scheduled, pod.started_at.unwrap_or(over), "starting", words.of_state(JobState::Starting));
    }
    if let Some(started) = pod.started_at {
        let (tone, word) = match pod.phase.as_str() {
            "Succeeded" => ("succeeded", words.succeeded),
            "Failed" => ("failed", words.failed),
            _ => ("running", words.of_state(JobState::Running)),
        };
        let word = pod.exit_code.map_or_else(|| word.to_owned(), |code| format!("{word} (exit {code})"));
        push(started, over, tone, &word);
    }
    Lane { label: pod.name.clone(), bars }
}

fn axis(scale: &Scale, height: f64) -> Markup {
    let with_date = scale.length().as_hours() >= 24;
    html! {
        @for tick in scale.ticks() {
            @let x = scale.position(tick);
            @let place = format!("{x:.1}");
            line.grid x1=(place) x2=(place) y1="18" y2=(format!("{:.0}", height - 4.0)) {}
            text.tick x=(place) y="12" text-anchor=(if x > WIDTH - 60.0 { "end" } else { "middle" }) {
                @if with_date { (tick.strftime("%m-%d %H:%M")) } @else { (clock(tick)) }
            }
        }
    }
}

fn draw_lane(lane: &Lane, index: f64, scale: &Scale) -> Markup {
    let top = TOP + LANE * index;
    let bar_top = format!("{:.1}", top + (LANE - BAR) / 2.0);
    html! {
        text.lane x="0" y=(format!("{:.1}", top + LANE / 2.0 + 4.0)) {
            title { (lane.label) }
            (shortened(&lane.label))
        }
        rect.track x=(LABELS) y=(bar_top) width=(WIDTH - LABELS - RIGHT) height=(BAR) rx="4" {}
        @for bar in &lane.bars {
            @let (from, to) = (scale.position(bar.from), scale.position(bar.to));
            rect class={ "fill-" (bar.tone) } x=(format!("{from:.1}")) y=(bar_top)
                width=(format!("{:.1}", (to - from).max(2.0))) height=(BAR) rx="3" {
                title { (bar.title) }
            }
        }
    }
}

/// Pod names differ at their ends: the middle is left out.
fn shortened(label: &str) -> String {
    const LONGEST: usize = 28;
    let length = label.chars().count();
    if length <= LONGEST {
        return label.to_owned();
    }
    let tail: String = label.chars().skip(length - 9).collect();
    format!("{}{tail}", cut(label, LONGEST - 10))
}

fn hatched(words: &Words, gap: &Gap, scale: &Scale, height: f64) -> Markup {
    let (from, to) = (scale.position(gap.from_at), scale.position(gap.to_at));
    html! {
        rect x=(format!("{from:.1}")) y=(TOP - 2.0) width=(format!("{:.1}", (to - from).max(3.0)))
            height=(format!("{:.1}", height - TOP - 4.0)) fill="url(#hatch)" fill-opacity="0.75" rx="3" {
            title { (fill(words.not_observed, &[&clock(gap.from_at), &clock(gap.to_at)])) " · " (gap.cause) }
        }
    }
}
