//! The metrics of a dependency.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::BreakerState;
use crate::Metrics;

/// The metrics of one dependency, looked up once.
#[derive(Debug)]
pub(super) struct Instruments {
    states: [(BreakerState, Gauge); 3],
    pub(super) succeeded: Counter,
    pub(super) failed: Counter,
    pub(super) timed_out: Counter,
    pub(super) cut_off: Counter,
    pub(super) open: Counter,
    pub(super) probing: Counter,
    pub(super) full: Counter,
    pub(super) in_flight: Gauge,
    pub(super) postponed: Gauge,
}

impl Instruments {
    pub(super) fn new(metrics: &Metrics, dependency: &str) -> Self {
        let gauge = |name, help| metrics.gauge(name, help).with(&[("dependency", dependency)]);
        let states =
            metrics.gauge("pilothouse_dependency_state", "1 for the state of the breaker, 0 for others");
        let state = |state, word| (state, states.with(&[("dependency", dependency), ("state", word)]));
        let calls = metrics.counter("pilothouse_dependency_calls", "Calls by how they ended");
        let call = |outcome| calls.with(&[("dependency", dependency), ("outcome", outcome)]);
        let rejected = metrics.counter("pilothouse_dependency_rejected", "Calls that were not let pass");
        let reject = |reason| rejected.with(&[("dependency", dependency), ("reason", reason)]);
        let instruments = Self {
            states: [
                state(BreakerState::Closed, "closed"),
                state(BreakerState::Open, "open"),
                state(BreakerState::HalfOpen, "half_open"),
            ],
            succeeded: call("success"),
            failed: call("failure"),
            timed_out: call("timeout"),
            cut_off: call("cut_off"),
            open: reject("BreakerOpen"),
            probing: reject("BreakerProbing"),
            full: reject("BulkheadFull"),
            in_flight: gauge("pilothouse_dependency_in_flight", "Calls in flight"),
            postponed: gauge("pilothouse_dependency_postponed", "Objects that wait to be called back"),
        };
        instruments.show(BreakerState::Closed);
        instruments
    }

    pub(super) fn show(&self, state: BreakerState) {
        for (shown, gauge) in &self.states {
            gauge.set((*shown == state).into());
        }
    }
}
