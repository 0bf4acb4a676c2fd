//! From stamps to figures.

use super::drive::{Sample, Stamp, Work};
use crate::server::state::{LIST_VERSION, event};

/// The figures of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) start_seconds: f64,
    pub(super) resident_mib: f64,
    pub(super) per_second: f64,
    pub(super) per_cpu_second: f64,
    pub(super) idle_p50_us: f64,
    pub(super) idle_p99_us: f64,
    pub(super) burst_first_ms: f64,
    pub(super) burst_seconds: f64,
    /// Objects with an event in the first half of the overload and no reconcile until its end.
    pub(super) unserved: f64,
    pub(super) served_per_second: f64,
    /// Events per reconcile during the overload.
    pub(super) overload: f64,
}

/// `sent` holds when each event since the list was sent.
pub(super) fn of(work: &Work, sample: &Sample, sent: &[u64]) -> Figures {
    let reconciles = f64::from(work.objects) * f64::from(work.passes);
    let idle = latencies(&sample.idle, sent);
    let (before, burst) = (work.idle_events as usize, work.burst as usize);
    let burst_began = sent.get(before).copied().unwrap_or(0);
    let since = |at: Option<u64>| at.map_or(f64::NAN, |at| nanoseconds(at.saturating_sub(burst_began)));
    let in_burst = sample.burst.iter().map(|(_, at)| *at);
    let overload = sent.get(before + burst..).unwrap_or_default();
    let seconds = f64::from(work.overload_seconds);
    let served = count(sample.overload.len());
    Figures {
        start_seconds: measured(sample.start.wall_seconds),
        resident_mib: measured(sample.resident_mib),
        per_second: reconciles / measured(sample.passes.wall_seconds),
        per_cpu_second: reconciles / measured(sample.passes.cpu_seconds),
        idle_p50_us: at(&idle, 0.5) / 1e3,
        idle_p99_us: at(&idle, 0.99) / 1e3,
        burst_first_ms: since(in_burst.clone().min()) / 1e6,
        burst_seconds: since(in_burst.max()) / 1e9,
        unserved: unserved(work, sample, overload),
        served_per_second: measured(served / seconds),
        overload: count(overload.len()) / served,
    }
}

/// What was not measured is zero in a sample.
fn measured(value: f64) -> f64 {
    if value > 0.0 { value } else { f64::NAN }
}

/// From the sending of an event to the beginning of the reconcile that saw it, sorted.
fn latencies(stamps: &[Stamp], sent: &[u64]) -> Vec<f64> {
    let of = |(version, at): &Stamp| {
        let sent = sent.get(event_of(*version)?)?;
        Some(nanoseconds(at.saturating_sub(*sent)))
    };
    let mut latencies: Vec<f64> = stamps.iter().filter_map(of).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// Which event made this version.
fn event_of(version: u32) -> Option<usize> {
    usize::try_from(version.checked_sub(LIST_VERSION + 1)?).ok()
}

fn unserved(work: &Work, sample: &Sample, sent: &[u64]) -> f64 {
    if work.overload_seconds == 0 {
        return f64::NAN;
    }
    let objects = work.overload_objects.min(work.objects) as usize;
    let first = (work.idle_events + work.burst) as usize;
    let object = |number: usize| event(number as u64, objects);
    let mut is_served = vec![false; objects];
    for (version, at) in &sample.overload {
        if let Some(number) =
            event_of(*version).filter(|number| *number >= first && *at <= sample.overload_end)
        {
            is_served[object(number)] = true;
        }
    }
    let half = u64::from(work.overload_seconds) * 1_000_000_000 / 2;
    let begin = sent.first().copied().unwrap_or(0);
    let mut is_missing = vec![false; objects];
    for (offset, at) in sent.iter().enumerate() {
        let object = object(first + offset);
        is_missing[object] |= *at < begin + half && !is_served[object];
    }
    count(is_missing.iter().filter(|missing| **missing).count())
}

fn at(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length is an index"
    )]
    let index = (count(sorted.len()) * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[expect(clippy::cast_precision_loss, reason = "differences of some minutes at most")]
fn nanoseconds(number: u64) -> f64 {
    number as f64
}
