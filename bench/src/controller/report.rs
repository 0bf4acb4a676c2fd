//! The table of the controllers, and the targets.

use super::Settings;
use super::candidate::Candidate;
use super::figures::Figures;
use crate::table::{Table, number, spread};
use crate::verdict::{self, Wanted};

type Figure = (&'static str, fn(&Figures) -> f64);

const FIGURES: [Figure; 11] = [
    ("start until all are reconciled, s", |figures| figures.start_seconds),
    ("resident then, MiB", |figures| figures.resident_mib),
    ("no-op reconciles per second", |figures| figures.per_second),
    ("no-op reconciles per CPU second", |figures| figures.per_cpu_second),
    ("idle: event to reconcile, p50, us", |figures| figures.idle_p50_us),
    ("idle: event to reconcile, p99, us", |figures| figures.idle_p99_us),
    ("burst: first reconcile, ms", |figures| figures.burst_first_ms),
    ("burst: all reconciled, s", |figures| figures.burst_seconds),
    ("overload: objects never served", |figures| figures.unserved),
    ("overload: reconciles per second", |figures| figures.served_per_second),
    ("overload: events per reconcile", |figures| figures.overload),
];

pub(super) fn print(settings: &Settings, bytes: usize, candidates: &[Candidate], figures: &[Vec<Figures>]) {
    let mut columns = vec![""];
    columns.extend(candidates.iter().map(|one| one.title()));
    let title = format!("Medians of {} rounds, {} pods of {bytes} bytes", settings.rounds, settings.objects);
    let mut table = Table::new(title, &columns);
    let median = |of: &[Figures], figure: fn(&Figures) -> f64| spread(of.iter().map(figure).collect())[1];
    for (title, figure) in FIGURES {
        let mut row = vec![title.to_owned()];
        row.extend(figures.iter().map(|of| number(median(of, figure))));
        table.row(row);
    }
    table.print();
    let of = |candidate: Candidate, figure: fn(&Figures) -> f64| {
        let index = candidates.iter().position(|one| *one == candidate);
        index.map_or(f64::NAN, |index| median(&figures[index], figure))
    };
    let ours = |figure: fn(&Figures) -> f64| of(Candidate::Pilothouse, figure);
    let rate = |candidate: Candidate| of(candidate, |figures| figures.per_second);
    let ratio = |candidate: Candidate| rate(Candidate::Pilothouse) / rate(candidate);
    let mut targets = verdict::table();
    for (goal, wanted, measured) in [
        ("idle: event to reconcile, p50, us", Wanted::AtMost(150.0), ours(|figures| figures.idle_p50_us)),
        ("idle: event to reconcile, p99, us", Wanted::AtMost(1000.0), ours(|figures| figures.idle_p99_us)),
        ("burst: first reconcile, ms", Wanted::AtMost(20.0), ours(|figures| figures.burst_first_ms)),
        ("overload: objects never served", Wanted::AtMost(0.0), ours(|figures| figures.unserved)),
        ("overload: events per reconcile", Wanted::AtLeast(2.0), ours(|figures| figures.overload)),
        ("no-op reconciles per second / kube-runtime", Wanted::AtLeast(5.0), ratio(Candidate::KubeRuntime)),
        (
            "no-op reconciles per second / controller-runtime",
            Wanted::AtLeast(2.0),
            ratio(Candidate::ControllerRuntime),
        ),
    ] {
        targets.row(wanted.row(goal, measured));
    }
    targets.print();
}
