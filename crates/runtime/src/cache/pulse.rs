//! By when a task must have made its next step.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// No step is due: the task waits for somebody who may take any time.
const NEVER: u64 = u64::MAX;

/// When the next step of a task is due. A task that lives says so before each step; so whoever looks needs to know
/// nothing of what the steps are, and a quiet time that was announced is no silence.
#[derive(Debug)]
pub(crate) struct Pulse {
    started: Instant,
    /// Nanoseconds since the start.
    due: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { started: Instant::now(), due: AtomicU64::new(NEVER) }
    }
}

impl Pulse {
    /// The step that begins is over by then.
    pub(crate) fn due_at(&self, due: Instant) {
        let due = due.saturating_duration_since(self.started).as_nanos();
        self.due.store(u64::try_from(due).unwrap_or(NEVER - 1), Ordering::Relaxed);
    }

    /// The task waits for somebody else.
    pub(crate) fn waits(&self) {
        self.due.store(NEVER, Ordering::Relaxed);
    }

    /// For how long a step has been due.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Duration> {
        let due = self.due.load(Ordering::Relaxed);
        let since_start = now.saturating_duration_since(self.started);
        let overdue = since_start.checked_sub(Duration::from_nanos(due)).filter(|_| due != NEVER);
        overdue.filter(|overdue| !overdue.is_zero())
    }
}
