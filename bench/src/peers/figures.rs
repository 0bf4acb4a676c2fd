//! The figures that tables and targets are made of.

use super::{Results, Settings};
use crate::sample::{RelistSample, Sample, WatchSample};

const MIB: f64 = 1024.0 * 1024.0;
const MICROSECONDS: f64 = 1e6;

/// Which processes a figure comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Those of the list alone.
    List,
    /// Those of events and relist.
    Watch,
}

/// One figure.
#[derive(Clone, Copy)]
pub(super) struct Figure {
    pub(super) title: &'static str,
    /// A short title for the overview.
    pub(super) short: &'static str,
    source: Source,
    value: fn(&Settings, &Sample) -> f64,
}

impl Figure {
    /// What each process said.
    pub(super) fn values(&self, settings: &Settings, results: &Results) -> Vec<f64> {
        let samples = match self.source {
            Source::List => &results.lists,
            Source::Watch => &results.watches,
        };
        samples.iter().map(|sample| (self.value)(settings, sample)).collect()
    }
}

pub(super) const LIST_CPU: Figure = Figure {
    title: "CPU of the list, microseconds per object",
    short: "list CPU us",
    source: Source::List,
    value: |settings, sample| sample.list.cpu_seconds * MICROSECONDS / f64::from(settings.objects),
};

const LIST_WALL: Figure = Figure {
    title: "Wall time of the list, seconds",
    short: "list wall s",
    source: Source::List,
    value: |_, sample| sample.list.wall_seconds,
};

const EVENT_CPU: Figure = Figure {
    title: "CPU of the events, microseconds per event",
    short: "event CPU us",
    source: Source::Watch,
    value: |settings, sample| {
        watch(sample, |watch| watch.cost.cpu_seconds * MICROSECONDS / f64::from(settings.events))
    },
};

pub(super) const PEAK: Figure = Figure {
    title: "Peak memory of the list (VmHWM), MiB",
    short: "peak MiB",
    source: Source::List,
    value: |_, sample| sample.list_peak_mib,
};

pub(super) const STEADY: Figure = Figure {
    title: "Steady memory after the list (VmRSS half a second later; Go: after forced collections), MiB",
    short: "steady MiB",
    source: Source::List,
    value: |_, sample| sample.list_resident_mib,
};

pub(super) const BYTES: Figure = Figure {
    title: "Steady memory per object, bytes (less the empty process)",
    short: "B/object",
    source: Source::List,
    value: |settings, sample| {
        (sample.list_resident_mib - sample.baseline_mib) * MIB / f64::from(settings.objects)
    },
};

pub(super) const EVENT_RATE: Figure = Figure {
    title: "Events into the cache per CPU second",
    short: "events/CPU s",
    source: Source::Watch,
    value: |settings, sample| watch(sample, |watch| f64::from(settings.events) / watch.cost.cpu_seconds),
};

const STALL: Figure = Figure {
    title: "Relist: a reader's longest wait for one get, less its wait for a core, ms",
    short: "get wait ms",
    source: Source::Watch,
    value: |_, sample| relist(sample, |relist| relist.stalls.get_quiet_ms),
};

/// What the overview shows.
pub(super) const OVERVIEW: [Figure; 8] =
    [LIST_CPU, LIST_WALL, BYTES, STEADY, PEAK, EVENT_CPU, EVENT_RATE, STALL];

/// All of them, as they are printed.
pub(super) const ALL: [Figure; 17] = [
    LIST_CPU,
    LIST_WALL,
    PEAK,
    STEADY,
    Figure {
        title: "The same without forced collections, MiB",
        short: "unforced MiB",
        source: Source::List,
        value: |_, sample| sample.list_resident_raw_mib,
    },
    BYTES,
    EVENT_CPU,
    EVENT_RATE,
    Figure {
        title: "Events into the cache per wall second",
        short: "events/s",
        source: Source::Watch,
        value: |settings, sample| watch(sample, |watch| f64::from(settings.events) / watch.cost.wall_seconds),
    },
    Figure {
        title: "Changes that the subscriber took (fewer than events: merged while it was behind)",
        short: "taken",
        source: Source::Watch,
        #[expect(clippy::cast_precision_loss, reason = "a count of events")]
        value: |_, sample| watch(sample, |watch| watch.taken as f64),
    },
    Figure {
        title: "Resident memory after the events, MiB",
        short: "MiB after events",
        source: Source::Watch,
        value: |_, sample| watch(sample, |watch| watch.resident_mib),
    },
    Figure {
        title: "CPU of the relist, microseconds per object (without the reader's)",
        short: "relist CPU us",
        source: Source::Watch,
        value: |settings, sample| {
            relist(sample, |relist| relist.cost.cpu_seconds * MICROSECONDS / f64::from(settings.objects))
        },
    },
    Figure {
        title: "Peak memory of the relist, MiB",
        short: "relist peak MiB",
        source: Source::Watch,
        value: |_, sample| relist(sample, |relist| relist.peak_mib),
    },
    Figure {
        title: "Relist: a reader's longest wait for one get by the clock, ms",
        short: "get wall ms",
        source: Source::Watch,
        value: |_, sample| relist(sample, |relist| relist.stalls.get_ms),
    },
    STALL,
    Figure {
        title: "Relist: a reader's longest list of one namespace by the clock, ms",
        short: "ns list wall ms",
        source: Source::Watch,
        value: |_, sample| relist(sample, |relist| relist.stalls.list_ms),
    },
    Figure {
        title: "Relist: a reader's longest list of one namespace, less its wait for a core, ms",
        short: "list wait ms",
        source: Source::Watch,
        value: |_, sample| relist(sample, |relist| relist.stalls.list_quiet_ms),
    },
];

fn watch(sample: &Sample, value: impl Fn(&WatchSample) -> f64) -> f64 {
    sample.watch.as_ref().map_or(f64::NAN, value)
}

fn relist(sample: &Sample, value: impl Fn(&RelistSample) -> f64) -> f64 {
    sample.relist.as_ref().map_or(f64::NAN, value)
}
