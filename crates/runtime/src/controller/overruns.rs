//! Reconciles that do not end when their time is up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How much later than at its timeout a reconcile may end. A future is dropped at its timeout, so one that is later
/// blocks its thread, or waits for a lock that nobody gives up.
const MARGIN: Duration = Duration::from_mins(1);

/// When the time of each running reconcile is up. Cheap to clone; clones share one list.
#[derive(Clone, Debug, Default)]
pub(super) struct Overruns {
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    ends: BTreeMap<u64, Instant>,
    next: u64,
}

/// A reconcile that runs. Dropping it says that it has ended.
#[derive(Debug)]
pub(super) struct Run {
    overruns: Overruns,
    number: Option<u64>,
}

impl Overruns {
    /// A reconcile begins, with so much time. Without an end, where the time has none, it is never late.
    pub(super) fn begin(&self, timeout: Duration) -> Run {
        let number = Instant::now().checked_add(timeout).map(|end| {
            let mut running = self.running.lock();
            running.next += 1;
            let number = running.next;
            running.ends.insert(number, end);
            number
        });
        Run { overruns: self.clone(), number }
    }

    /// Fails when a reconcile is late by more than the margin.
    pub(super) fn check(&self) -> Result<(), String> {
        let now = Instant::now();
        let late: Vec<Duration> = {
            let running = self.running.lock();
            let late = running.ends.values().map(|end| now.saturating_duration_since(*end));
            late.filter(|late| *late > MARGIN).collect()
        };
        match late.iter().max() {
            None => Ok(()),
            Some(longest) => Err(format!(
                "workers are stuck: {} did not end at their timeout, the worst {} s ago; something in the reconciler \
                 blocks its thread",
                late.len(),
                longest.as_secs()
            )),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.overruns.running.lock().ends.remove(&number);
        }
    }
}
