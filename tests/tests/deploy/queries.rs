//! What dashboards ask for.

use std::path::PathBuf;

use serde_json::Value;

/// What the stock dashboards that kubebuilder generates are made of: the metrics, labels and functions that they rely
/// on, in queries of our own.
pub(crate) const KUBEBUILDER: &[&str] = &[
    r#"controller_runtime_active_workers{job="website-operator", namespace="website-system"}"#,
    r#"controller_runtime_max_concurrent_reconciles{job="website-operator", namespace="website-system"}"#,
    r#"sum by (instance, pod) (rate(controller_runtime_reconcile_total{job="website-operator"}[15s]))"#,
    r#"sum by (instance, pod) (rate(controller_runtime_reconcile_errors_total{job="website-operator"}[15s]))"#,
    r#"sum by (result) (rate(controller_runtime_reconcile_total{result=~"success|error|requeue|requeue_after"}[15s]))"#,
    "histogram_quantile(0.5, sum by (le, instance) (rate(controller_runtime_reconcile_time_seconds_bucket[15s])))",
    r#"workqueue_depth{job="website-operator", namespace="website-system", name!="", controller!=""}"#,
    "sum by (instance, pod, name) (rate(workqueue_adds_total[15s]))",
    "histogram_quantile(0.5, sum by (instance, name, le) (rate(workqueue_queue_duration_seconds_bucket[15s])))",
    "histogram_quantile(0.99, sum by (instance, name, le) (rate(workqueue_work_duration_seconds_bucket[15s])))",
    "rate(workqueue_unfinished_work_seconds[15s])",
    "workqueue_longest_running_processor_seconds",
    "sum by (instance, name) (rate(workqueue_retries_total[15s]))",
    r#"sum by (code, method) (rate(rest_client_requests_total{host=~".*"}[15s]))"#,
    "leader_election_master_status == 1",
    "rate(process_cpu_seconds_total[15s]) * 100",
    "process_resident_memory_bytes > 1e6",
];

/// A dashboard of `deploy/grafana`.
pub(crate) struct Dashboard {
    pub(crate) name: String,
    pub(crate) document: Value,
}

impl Dashboard {
    pub(crate) fn all() -> Vec<Self> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/grafana"));
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: PathBuf| Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            document: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
        };
        paths.into_iter().map(read).collect()
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        let is_panel = |panel: &&Value| panel["type"] != "row";
        self.document["panels"].as_array().unwrap().iter().filter(is_panel)
    }

    /// The queries of all panels as they stand there, each with its panel.
    pub(crate) fn queries(&self) -> Vec<(String, String)> {
        let of_panel = |panel: &Value| -> Vec<(String, String)> {
            let title = panel["title"].as_str().unwrap().to_owned();
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(|target| (title.clone(), target["expr"].as_str().unwrap().to_owned())).collect()
        };
        self.panels().flat_map(of_panel).collect()
    }

    /// The queries that fill the variables: what is looked for, and the label.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let list = self.document["templating"]["list"].as_array().unwrap().iter();
        let of_values = list.filter_map(|variable| variable["definition"].as_str());
        let parts = |definition: &str| {
            let inner = definition.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            (series.to_owned(), label.to_owned())
        };
        of_values.map(parts).collect()
    }
}

/// A query with its variables replaced, as Grafana does it.
pub(crate) fn filled_in(query: &str) -> String {
    let filled = query
        .replace("$__rate_interval", "15s")
        .replace("$job", "website-operator")
        .replace("$namespace", "website-system")
        .replace("$controller", ".*");
    assert!(!filled.contains('$'), "a variable that is none: {query}");
    filled
}

/// The names of the metrics in a query: what stands before a selector.
pub(crate) fn metrics_of(query: &str) -> Vec<String> {
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == ':';
    let before_selector = |(at, _): (usize, &str)| {
        let head = &query[..at];
        let start = head.rfind(|one: char| !is_part(one)).map_or(0, |before| before + 1);
        head[start..].to_owned()
    };
    query.match_indices('{').map(before_selector).collect()
}
