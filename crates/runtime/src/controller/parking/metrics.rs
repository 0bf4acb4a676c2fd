//! The metrics of dead letters and of the ledger.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::Metrics;
use crate::metrics::{CounterFamily, FloatGaugeFamily, GaugeFamily};

/// How many reasons have series of their own per controller; further ones are counted as `Other`.
const REASONS: usize = 50;

/// The metrics of one controller's dead letters, looked up once.
#[derive(Debug)]
pub(super) struct Instruments {
    controller: String,
    reasons: Mutex<BTreeSet<String>>,
    parked: GaugeFamily,
    parks: CounterFamily,
    pub(super) replays: Counter,
    pub(super) drops: Counter,
    pub(super) returns: Counter,
    pub(super) refused: Counter,
    pub(super) untracked: Counter,
    pub(super) ledger_failures: CounterFamily,
    pub(super) ledger_pending: Gauge,
    ledger_lag: FloatGaugeFamily,
    pub(super) history_lost: Counter,
}

impl Instruments {
    pub(super) fn new(metrics: &Metrics, controller: &str) -> Self {
        let labels = [("controller", controller)];
        let counter = |name: &str, help: &str| metrics.counter(name, help).with(&labels);
        Self {
            controller: controller.to_owned(),
            reasons: Mutex::default(),
            parked: metrics.gauge("pilothouse_dead_letters", "Objects that were given up"),
            parks: metrics.counter("pilothouse_dead_letters_parked", "How often objects were given up"),
            replays: counter("pilothouse_dead_letters_replayed", "Dead letters that were replayed"),
            drops: counter("pilothouse_dead_letters_dropped", "Dead letters that were dropped"),
            returns: counter(
                "pilothouse_dead_letters_returned",
                "Dead letters that left the list because something changed",
            ),
            refused: counter(
                "pilothouse_dead_letters_refused",
                "Objects that were not parked because the list was full",
            ),
            untracked: counter(
                "pilothouse_ledger_untracked_failures",
                "Failures that the ledger is not told because too many objects fail",
            ),
            ledger_failures: metrics
                .counter("pilothouse_ledger_failures", "Reads and writes of the ledger that failed"),
            ledger_pending: metrics
                .gauge("pilothouse_ledger_pending", "Changes that the ledger has not been told")
                .with(&labels),
            ledger_lag: metrics.float_gauge(
                "pilothouse_ledger_lag_seconds",
                "How long the oldest change waits to be written to the ledger",
            ),
            history_lost: counter(
                "pilothouse_ledger_history_lost",
                "History lines lost because too many waited for the ledger",
            ),
        }
    }

    /// The label value of a reason.
    fn label(&self, reason: &str) -> String {
        let mut reasons = self.reasons.lock();
        if !reasons.contains(reason) {
            if reasons.len() >= REASONS {
                return "Other".to_owned();
            }
            reasons.insert(reason.to_owned());
        }
        reason.to_owned()
    }

    /// One more is parked for this reason.
    pub(super) fn parks(&self, reason: &str) {
        let reason = self.label(reason);
        self.parks.with(&[("controller", &self.controller), ("reason", &reason)]).inc();
    }

    /// One is on the list, or is not any more.
    pub(super) fn listed(&self, reason: &str, change: i64) {
        let reason = self.label(reason);
        self.parked.with(&[("controller", &self.controller), ("reason", &reason)]).inc_by(change);
    }

    /// The ledger has failed.
    pub(super) fn ledger_failed(&self, reason: &str) {
        self.ledger_failures.with(&[("controller", &self.controller), ("reason", reason)]).inc();
    }

    pub(super) fn lag(&self, seconds: f64) {
        self.ledger_lag.with(&[("controller", &self.controller)]).set(seconds);
    }

    /// The controller has ended: it has no dead letters any more.
    pub(super) fn end(&self) {
        for reason in self.reasons.lock().iter().map(String::as_str).chain(["Other"]) {
            self.parked.remove(&[("controller", &self.controller), ("reason", reason)]);
        }
    }
}
