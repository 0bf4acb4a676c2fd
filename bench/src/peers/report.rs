//! Tables and JSON.

use serde_json::json;

use super::figures::{ALL, Figure, OVERVIEW};
use super::{Results, Settings};
use crate::Failure;
use crate::candidate::Candidate;
use crate::run::Bench;
use crate::table::{Table, number, spread};

/// The rows that ratios are to.
const BASES: [(Candidate, &str); 4] = [
    (Candidate::KubeRuntime, "to kube-runtime"),
    (Candidate::KubeRuntimeCut, "to cleared"),
    (Candidate::ClientGo, "to client-go JSON"),
    (Candidate::ClientGoProtobuf, "to client-go protobuf"),
];

pub(super) fn print_json(settings: &Settings, bench: &Bench, results: &[Results]) -> Result<(), Failure> {
    let samples: Vec<_> = results
        .iter()
        .map(|results| {
            json!({"candidate": results.candidate.argument(), "lists": results.lists, "watches": results.watches})
        })
        .collect();
    let report = json!({"objects": settings.objects, "events": settings.events, "jsonBytes": bench.json_bytes,
        "protobufBytes": bench.protobuf_bytes, "results": samples});
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

/// The median of a candidate's figure; not a number when it was not measured.
pub(super) fn median(settings: &Settings, results: &[Results], figure: Figure, candidate: Candidate) -> f64 {
    let results = results.iter().find(|results| results.candidate == candidate);
    results.map_or(f64::NAN, |results| spread(figure.values(settings, results))[1])
}

/// Medians of the figures that matter most.
pub(super) fn print(settings: &Settings, results: &[Results]) {
    let titles: Vec<&str> =
        std::iter::once("Medians").chain(OVERVIEW.iter().map(|figure| figure.short)).collect();
    let mut overview = Table::new("### Overview", &titles);
    for row in results {
        let medians = OVERVIEW.iter().map(|figure| number(spread(figure.values(settings, row))[1]));
        overview.row(std::iter::once(row.candidate.title().to_owned()).chain(medians).collect());
    }
    overview.print();
}

/// Each figure with its ratios.
pub(super) fn print_all(settings: &Settings, results: &[Results]) {
    for figure in ALL {
        let columns: Vec<&str> =
            ["", "min", "median"].into_iter().chain(BASES.iter().map(|base| base.1)).collect();
        let mut table = Table::new(format!("### {}", figure.title), &columns);
        for row in results {
            let [least, middle] = spread(figure.values(settings, row));
            if middle.is_nan() {
                continue;
            }
            let mut cells = vec![row.candidate.title().to_owned(), number(least), number(middle)];
            cells.extend(
                BASES.iter().map(|(base, _)| number(middle / median(settings, results, figure, *base))),
            );
            table.row(cells);
        }
        table.print();
    }
}
