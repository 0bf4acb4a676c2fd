//! What was set as the goal, and what was reached.

use super::figures::{BYTES, EVENT_RATE, Figure, LIST_CPU, PEAK, STEADY};
use super::report::median;
use super::{Results, Settings};
use crate::candidate::Candidate::{
    self, ClientGo, ClientGoPlainList, ClientGoProtobuf, KubeRuntime, Pilothouse, PilothouseCompact,
    PilothousePlainList, PilothouseProtobuf, PilothouseTyped,
};
use crate::verdict::{self, Wanted};

/// A figure of ours over one of somebody's, and what it has to be.
struct Target {
    goal: &'static str,
    ours: (Candidate, Figure),
    theirs: (Candidate, Figure),
    wanted: Wanted,
}

const fn target(
    goal: &'static str,
    figure: Figure,
    ours: Candidate,
    theirs: Candidate,
    wanted: Wanted,
) -> Target {
    Target { goal, ours: (ours, figure), theirs: (theirs, figure), wanted }
}

const TARGETS: [Target; 12] = [
    target(
        "List CPU, nobody reads, to kube-runtime",
        LIST_CPU,
        Pilothouse,
        KubeRuntime,
        Wanted::AtMost(0.12),
    ),
    target("List CPU, nobody reads, to client-go JSON", LIST_CPU, Pilothouse, ClientGo, Wanted::AtMost(0.2)),
    target(
        "List CPU, nobody reads, plain lists: to client-go JSON",
        LIST_CPU,
        PilothousePlainList,
        ClientGoPlainList,
        Wanted::AtMost(0.2),
    ),
    target(
        "List CPU, nobody reads, plain list: to kube-runtime",
        LIST_CPU,
        PilothousePlainList,
        KubeRuntime,
        Wanted::AtMost(0.12),
    ),
    target(
        "List CPU, protobuf, nobody reads, to client-go protobuf",
        LIST_CPU,
        PilothouseProtobuf,
        ClientGoProtobuf,
        Wanted::AtMost(0.6),
    ),
    target(
        "List CPU, all read typed once, to kube-runtime",
        LIST_CPU,
        PilothouseTyped,
        KubeRuntime,
        Wanted::AtMost(0.6),
    ),
    target(
        "Events per CPU second, to kube-runtime",
        EVENT_RATE,
        Pilothouse,
        KubeRuntime,
        Wanted::AtLeast(12.0),
    ),
    target(
        "Events per CPU second, to client-go JSON",
        EVENT_RATE,
        Pilothouse,
        ClientGo,
        Wanted::AtLeast(4.0),
    ),
    target(
        "Bytes per object, nobody reads, to kube-runtime",
        BYTES,
        Pilothouse,
        KubeRuntime,
        Wanted::AtMost(0.15),
    ),
    target(
        "Bytes per object, compact, to kube-runtime",
        BYTES,
        PilothouseCompact,
        KubeRuntime,
        Wanted::AtMost(0.03),
    ),
    target(
        "Bytes per object, compact, to client-go JSON",
        BYTES,
        PilothouseCompact,
        ClientGo,
        Wanted::AtMost(0.15),
    ),
    Target {
        goal: "Peak to steady memory, nobody reads",
        ours: (Pilothouse, PEAK),
        theirs: (Pilothouse, STEADY),
        wanted: Wanted::AtMost(1.15),
    },
];

/// Whether a goal is about this candidate.
pub(super) fn names(candidate: Candidate) -> bool {
    TARGETS.iter().any(|target| target.ours.0 == candidate || target.theirs.0 == candidate)
}

/// One line per goal.
pub(super) fn print(settings: &Settings, results: &[Results]) {
    let mut table = verdict::table();
    for target in &TARGETS {
        let of = |(candidate, figure): (Candidate, Figure)| median(settings, results, figure, candidate);
        let measured = of(target.ours) / of(target.theirs);
        table.row(target.wanted.row(target.goal, measured));
    }
    table.print();
}
