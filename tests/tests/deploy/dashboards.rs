//! Whether the dashboards show anything.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::operator::Operator;
use crate::prometheus::Prometheus;
use crate::queries::{Dashboard, KUBEBUILDER, filled_in, metrics_of};

/// Long enough for a busy machine; a quiet one needs ten seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// The series that `docs/metrics.md` names, which a test of the runtime compares with a scrape.
fn documented() -> BTreeSet<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md")).unwrap();
    let mut names = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').to_owned();
        if cells[2] == "histogram" {
            names.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            names.insert(name);
        }
    }
    names
}

#[test]
fn dashboards_ask_for_documented_metrics_only_and_leave_no_group_of_them_out() {
    let documented = documented();
    let mut asked = BTreeSet::new();
    for dashboard in Dashboard::all() {
        for (panel, query) in dashboard.queries() {
            let metrics = metrics_of(&query);
            assert!(!metrics.is_empty(), "{} / {panel}: {query} asks for nothing", dashboard.name);
            for metric in metrics {
                assert!(documented.contains(&metric), "{} / {panel}: no metric {metric}", dashboard.name);
                asked.insert(metric);
            }
            filled_in(&query);
        }
    }
    for group in [
        "workqueue_",
        "controller_runtime_",
        "pilothouse_informer_",
        "pilothouse_reflector_",
        "rest_client_",
        "leader_election_",
        "pilothouse_dead_letters",
        "pilothouse_ledger_",
        "pilothouse_dependency_",
        "process_",
    ] {
        assert!(asked.iter().any(|metric| metric.starts_with(group)), "no dashboard shows {group}");
    }
}

#[test]
fn panels_have_numbers_of_their_own_a_place_and_a_title() {
    for dashboard in Dashboard::all() {
        let panels = dashboard.document["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{}", dashboard.name);
        let mut taken = BTreeSet::new();
        for panel in panels {
            assert!(!panel["title"].as_str().unwrap().is_empty());
            let number = |field: &str| panel["gridPos"][field].as_u64().unwrap();
            for cell in (0..number("h")).flat_map(|y| (0..number("w")).map(move |x| (y, x))) {
                let at = (cell.0 + number("y"), cell.1 + number("x"));
                assert!(at.1 < 24 && taken.insert(at), "{}: {} overlaps", dashboard.name, panel["title"]);
            }
        }
    }
}

/// The series that have a label.
fn with_label(series: &str, label: &str) -> String {
    match series.strip_suffix('}') {
        Some(open) => format!("{open}, {label}!=\"\"}}"),
        None => format!("{series}{{{label}!=\"\"}}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_query_of_the_dashboards_returns_a_series_from_a_running_manager() {
    let Some(binary) = Prometheus::binary() else { return };
    let operator = Operator::start().await;
    let prometheus = Prometheus::start(&binary, operator.address);
    let mut waiting: Vec<(String, String)> = Vec::new();
    for dashboard in Dashboard::all() {
        let of =
            |(panel, query): (String, String)| (format!("{} / {panel}", dashboard.name), filled_in(&query));
        waiting.extend(dashboard.queries().into_iter().map(of));
        for (series, label) in dashboard.variables() {
            let name = format!("{} / variable {label}", dashboard.name);
            waiting.push((name, filled_in(&with_label(&series, &label))));
        }
    }
    waiting.extend(KUBEBUILDER.iter().map(|query| ("kubebuilder".to_owned(), (*query).to_owned())));
    let count = waiting.len();
    let start = Instant::now();
    while !waiting.is_empty() {
        let mut left = Vec::new();
        for (name, query) in waiting {
            if prometheus.ask(&query).await.is_none_or(|series| series == 0) {
                left.push((name, query));
            }
        }
        waiting = left;
        assert!(start.elapsed() < PATIENCE, "no series for {} of {count}: {waiting:#?}", waiting.len());
        sleep(Duration::from_millis(250)).await;
    }
    let nothing = prometheus.ask("pilothouse_no_such_metric").await;
    assert_eq!(nothing, Some(0), "a query for what is not there finds nothing");
    println!("{count} queries, each with a series");
    operator.stop().await;
}
