//! What an election counts: client-go's names, and ours beside them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::Metrics;

/// The instruments of one election.
#[derive(Clone, Debug)]
pub(super) struct ElectionMetrics {
    pub(super) master: Gauge,
    pub(super) slow_paths: Counter,
    pub(super) failures: Counter,
    pub(super) transitions: Counter,
}

impl ElectionMetrics {
    pub(super) fn new(metrics: &Metrics, name: &str) -> Self {
        let labels = [("name", name)];
        let counter = |name, help| metrics.counter(name, help).with(&labels);
        let master = metrics.gauge("leader_election_master_status", "1 while this process leads, else 0");
        Self {
            master: master.with(&labels),
            slow_paths: counter(
                "leader_election_slowpath",
                "Renewals that had to read the lease again before they wrote it",
            ),
            failures: counter("leader_election_failures", "Attempts to take or renew the lease that failed"),
            transitions: counter("leader_election_transitions", "Changes of the leader that were seen"),
        }
    }
}
