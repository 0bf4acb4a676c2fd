//! A dependency.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::breaker::{Breaker, Refusal};
use super::error::Reason;
use super::metrics::Instruments;
use super::postponed::{Object, Postponed};
use super::{BreakerOptions, BreakerState};
use crate::queue::{Priority, WorkQueue};
use crate::{Metrics, ObjectKey};

/// Objects turned away because of the bulkhead, or because of a probe, come back by themselves after this long.
const RETURN: Duration = Duration::from_secs(1);

/// Something outside of the cluster that reconciles call: a service, a database, a cloud's API.
///
/// **Flow.** Declared once and kept in the reconciler; clones share everything, also between controllers. Calls go
/// through [`Context::call`](crate::Context::call), from the outside in: the bulkhead, the circuit breaker, the time
/// limit. Its metrics are those of the first controller that uses it.
///
/// **Guarantees.** At most [`at_most`](Self::at_most) calls are in flight (X-I3). While the breaker is open no call
/// is made; after that one, the probe, and it alone decides whether the breaker closes or opens again, for longer
/// (X-I1). An object whose reconcile fails with a rejection is postponed: its failures are not counted, it holds no
/// worker, and it is reconciled again when the dependency has room for it. Postponed objects come back in the order
/// in which they were postponed, without a stampede: two for each call that succeeds, as far as the bulkhead has
/// room, so their number doubles with each round trip; besides, each comes back by itself (X-I2), one a second.
///
/// **Assumptions.** A call that is given up before it ends, because the reconcile was, counts as failed: what hangs is
/// broken. Who races a call against something else and drops the loser should not send it through here.
#[derive(Clone)]
pub struct Dependency {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    settings: Settings,
    pub(super) permits: Option<Semaphore>,
    state: Mutex<State>,
    instruments: OnceLock<Instruments>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    name: String,
    most: Option<usize>,
    pub(super) wait: Duration,
    pub(super) timeout: Option<Duration>,
    breaker: Option<BreakerOptions>,
}

pub(super) struct State {
    pub(super) breaker: Option<Breaker>,
    pub(super) postponed: Postponed,
}

impl Dependency {
    /// A dependency of this name, without any limit. The name is the label of its metrics.
    ///
    /// The methods below set limits; each gives a dependency of its own, so use them before the first clone or call.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self::of(Settings { name: name.into(), ..Settings::default() })
    }

    fn of(settings: Settings) -> Self {
        let permits = settings.most.map(|most| Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        let state = State { breaker: settings.breaker.map(Breaker::new), postponed: Postponed::default() };
        let (state, instruments) = (Mutex::new(state), OnceLock::new());
        Self { shared: Arc::new(Shared { settings, permits, state, instruments }) }
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::of(settings)
    }

    /// A bulkhead: no more than this many calls in flight, at least one. Default: any number.
    #[must_use]
    pub fn at_most(self, calls: usize) -> Self {
        self.with(|settings| settings.most = Some(calls))
    }

    /// How long a call waits for its turn when the bulkhead is full, before it is rejected. It holds a worker
    /// meanwhile. Default zero: the object waits instead.
    #[must_use]
    pub fn wait_at_most(self, wait: Duration) -> Self {
        self.with(|settings| settings.wait = wait)
    }

    /// How long a call may take before it is given up and counts as failed. Default: as long as the reconcile may.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = Some(timeout))
    }

    /// A circuit breaker. Default: none.
    #[must_use]
    pub fn breaker(self, options: BreakerOptions) -> Self {
        self.with(|settings| settings.breaker = Some(options))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// What its breaker does at present. Still [`Open`](BreakerState::Open) after the open time, until the probe
    /// starts.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.shared.state.lock().state()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Its metrics, which the first caller decides about.
    pub(super) fn instruments(&self, metrics: &Metrics) -> &Instruments {
        self.shared.instruments.get_or_init(|| Instruments::new(metrics, self.name()))
    }

    /// Looks at the state or changes it, and shows it.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.shared.state.lock();
        let answer = change(&mut state);
        if let Some(instruments) = self.shared.instruments.get() {
            instruments.show(state.state());
            instruments.postponed.set(i64::try_from(state.postponed.len()).unwrap_or(i64::MAX));
        }
        answer
    }

    /// Takes an object that was rejected for `reason`: it will be called back. Returns how long it waits at most.
    pub(crate) fn postpone(
        &self,
        rejected: &super::Rejected,
        controller: usize,
        key: &ObjectKey,
        queue: &WorkQueue<ObjectKey>,
        priority: Priority,
    ) -> Duration {
        let now = Instant::now();
        self.change(|state| {
            let refusal = state.breaker.as_ref().and_then(|breaker| breaker.refusal(now));
            // Room was made since, and nobody may come any more to call it back.
            let is_next = rejected.reason != Reason::Full || state.postponed.len() == 0;
            if refusal.is_none() && is_next && self.room() > 0 {
                return Duration::ZERO;
            }
            let not_before = match refusal {
                Some(Refusal::Open { until }) => until,
                Some(Refusal::Probing) | None => now + RETURN,
            };
            let object = Object { controller, key: key.clone() };
            let returns = state.postponed.add(object, queue, priority, not_before, now);
            returns.saturating_duration_since(now)
        })
    }

    /// How many more calls may be in flight.
    pub(super) fn room(&self) -> usize {
        self.shared.permits.as_ref().map_or(usize::MAX, Semaphore::available_permits)
    }
}

impl State {
    fn state(&self) -> BreakerState {
        self.breaker.as_ref().map_or(BreakerState::Closed, Breaker::state)
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dependency").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
