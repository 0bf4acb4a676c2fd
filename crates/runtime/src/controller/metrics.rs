//! The metrics of controllers, under controller-runtime's names.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::Metrics;

/// controller-runtime's buckets for `controller_runtime_reconcile_time_seconds`.
const RECONCILE_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25,
    1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 60.0,
];
const WAIT_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of one controller, looked up once.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) success: Counter,
    pub(super) error: Counter,
    pub(super) requeue_after: Counter,
    pub(super) errors: Counter,
    pub(super) terminal_errors: Counter,
    pub(super) panics: Counter,
    pub(super) timeouts: Counter,
    pub(super) seconds: Histogram,
    pub(super) max_concurrent: Gauge,
    pub(super) active_workers: Gauge,
    /// Workers there are, busy or not: moves between the bounds.
    pub(super) workers: Gauge,
    /// How many workers there may be: falls when the server pushes back, and rises again (A2).
    pub(super) worker_limit: Gauge,
    pub(super) limit_cuts: Counter,
    /// Reconciles whose object waits for something else (A7).
    pub(super) postponed: Counter,
    /// Reconciles put aside because the caches did not show the controller's own writes yet (W2).
    pub(super) put_aside: Counter,
    pub(super) put_aside_seconds: Histogram,
    pub(super) live_reads: Counter,
    pub(super) confirmations: Counter,
    /// Reconciles that ended in a wait for another object.
    pub(super) waits: Counter,
    pub(super) events_dropped: Counter,
}

impl Instruments {
    pub(super) fn new(metrics: &Metrics, controller: &str) -> Self {
        let labels = [("controller", controller)];
        let counter = |name: &str, help: &str| metrics.counter(name, help).with(&labels);
        let gauge = |name: &str, help: &str| metrics.gauge(name, help).with(&labels);
        let outcomes =
            metrics.counter("controller_runtime_reconcile", "Reconciles per controller and result");
        let outcome = |result: &str| outcomes.with(&[("controller", controller), ("result", result)]);
        // Nothing here asks for a plain requeue, but dashboards expect the series.
        outcome("requeue");
        Self {
            success: outcome("success"),
            error: outcome("error"),
            requeue_after: outcome("requeue_after"),
            errors: counter("controller_runtime_reconcile_errors", "Failed reconciles per controller"),
            terminal_errors: counter(
                "controller_runtime_terminal_reconcile_errors",
                "Reconciles per controller that failed for good",
            ),
            panics: counter("controller_runtime_reconcile_panics", "Panics in reconciles per controller"),
            timeouts: counter("controller_runtime_reconcile_timeouts", "Reconciles that took too long"),
            seconds: metrics
                .histogram(
                    "controller_runtime_reconcile_time_seconds",
                    "Time per reconcile per controller",
                    RECONCILE_SECONDS,
                )
                .with(&labels),
            max_concurrent: gauge(
                "controller_runtime_max_concurrent_reconciles",
                "Most reconciles at once per controller",
            ),
            workers: gauge("pilothouse_controller_workers", "Workers there are, busy or not"),
            active_workers: gauge("controller_runtime_active_workers", "Workers at work per controller"),
            worker_limit: gauge("pilothouse_controller_worker_limit", "Workers there may be at present"),
            limit_cuts: counter(
                "pilothouse_controller_worker_limit_cuts",
                "Cuts of that limit after push-back",
            ),
            postponed: counter("pilothouse_reconcile_postponed", "Reconciles that a dependency sent away"),
            put_aside: counter(
                "pilothouse_reconcile_put_aside",
                "Reconciles put aside because the cache did not show the controller's own write yet",
            ),
            put_aside_seconds: metrics
                .histogram(
                    "pilothouse_reconcile_put_aside_seconds",
                    "How long reconciles were put aside for the controller's own writes",
                    WAIT_SECONDS,
                )
                .with(&labels),
            live_reads: counter(
                "pilothouse_reconcile_live_reads",
                "Reconciles on a live read because the cache never showed the controller's own write",
            ),
            confirmations: counter(
                "pilothouse_reconcile_confirmations",
                "Reconciles that began with a live read because an earlier write was not answered",
            ),
            waits: counter(
                "pilothouse_reconcile_waits",
                "Reconciles that ended in a wait for another object to change",
            ),
            events_dropped: counter(
                "pilothouse_events_dropped",
                "Events dropped because too many waited to be sent",
            ),
        }
    }
}
