//! What the handles of one work queue share: the state behind its lock, and who wakes whom.
//!
//! No task runs in the background. Of the getters that find nothing, one (the time keeper) sleeps until the
//! next due time and the others without a timer; whoever takes something wakes the next if more is left.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::metrics::Instruments;
use super::state::{State, Taken};
use super::{QueueKey, Retry};

pub(super) struct Shared<K> {
    pub(super) guarded: Mutex<Guarded<K>>,
    /// Wakes one getter: there is a request to take, a due time to keep, or the end to see.
    pub(super) changed: Notify,
    /// Wakes everybody who waits for the queue to drain.
    pub(super) drained: Notify,
    pub(super) environment: Environment,
    pub(super) retry: Retry,
    pub(super) instruments: Option<Instruments>,
}

pub(super) struct Guarded<K> {
    pub(super) state: State<K>,
    /// Until when which getter sleeps on behalf of all.
    keeper: Option<(Instant, u64)>,
    keepers: u64,
    pub(super) drain_forced: bool,
}

/// What a getter does next.
pub(super) enum Step<K: QueueKey> {
    Take(Taken<K>),
    End,
    Wait,
    WaitUntil(Instant, TimeKeeper<K>),
}

impl<K: QueueKey> Guarded<K> {
    pub(super) fn new(ageing: Duration) -> Self {
        Self { state: State::new(ageing), keeper: None, keepers: 0, drain_forced: false }
    }

    /// Whether a request becomes due that nobody will wake up for.
    fn is_unattended(&self) -> bool {
        self.state.next_due().is_some_and(|due| self.keeper.is_none_or(|(until, _)| due < until))
    }

    /// Decides who keeps the time: one getter sleeps until the next due time, the others only until told.
    fn wait(&mut self, shared: &Arc<Shared<K>>) -> Step<K> {
        match self.state.next_due() {
            Some(due) if self.is_unattended() => {
                self.keepers += 1;
                self.keeper = Some((due, self.keepers));
                let keeper = TimeKeeper { shared: Arc::clone(shared), number: self.keepers, on_duty: true };
                Step::WaitUntil(due, keeper)
            }
            _ => Step::Wait,
        }
    }
}

impl<K: QueueKey> Shared<K> {
    /// One attempt of a getter. One that leaves the waiting passes the baton: somebody who sleeps without a
    /// timer must learn of what is left to do.
    pub(super) fn step(self: &Arc<Self>) -> Step<K> {
        let now = Instant::now();
        let mut guarded = self.guarded.lock();
        let taken = guarded.state.take(now);
        self.publish(&mut guarded.state, now);
        let Some(taken) = taken else {
            if !guarded.state.is_closed() {
                return guarded.wait(self);
            }
            drop(guarded);
            self.changed.notify_one();
            return Step::End;
        };
        let more = guarded.state.has_ready() || guarded.state.is_closed() || guarded.is_unattended();
        drop(guarded);
        if more {
            self.changed.notify_one();
        }
        if let Some(instruments) = &self.instruments {
            instruments.queue_duration.observe(taken.waited.as_secs_f64());
        }
        Step::Take(taken)
    }

    /// Applies a request, and wakes a getter if there is something to do for it.
    pub(super) fn update(&self, step: impl FnOnce(&mut State<K>, Instant)) {
        let now = Instant::now();
        let mut guarded = self.guarded.lock();
        step(&mut guarded.state, now);
        self.publish(&mut guarded.state, now);
        let wake = guarded.state.has_ready() || guarded.is_unattended();
        drop(guarded);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Takes a key back from a worker.
    pub(super) fn done(&self, key: &K) {
        let now = Instant::now();
        let mut guarded = self.guarded.lock();
        let worked = guarded.state.done(key, now);
        self.publish(&mut guarded.state, now);
        let ready = guarded.state.has_ready();
        let drained = guarded.state.is_closed() && guarded.state.is_empty();
        drop(guarded);
        if let (Some(instruments), Some(worked)) = (&self.instruments, worked) {
            instruments.work_duration.observe(worked.as_secs_f64());
        }
        if ready {
            self.changed.notify_one();
        }
        if drained {
            self.drained.notify_waiters();
        }
    }

    fn publish(&self, state: &mut State<K>, now: Instant) {
        let added = std::mem::take(&mut state.tally.added);
        if let Some(instruments) = &self.instruments {
            instruments.adds.inc_by(added);
            instruments.set_depths(state.depths(now));
        }
    }

    /// For how long each key has been in a worker's hands; empty after shutdown (Q13).
    pub(super) fn in_progress(&self) -> Vec<Duration> {
        let now = Instant::now();
        let guarded = self.guarded.lock();
        if guarded.state.is_closed() {
            return Vec::new();
        }
        guarded.state.started().map(|started| now.saturating_duration_since(started)).collect()
    }
}

/// The duty to wake up when the next request becomes due.
pub(super) struct TimeKeeper<K: QueueKey> {
    shared: Arc<Shared<K>>,
    number: u64,
    on_duty: bool,
}

impl<K: QueueKey> TimeKeeper<K> {
    /// Ends the duty of a getter that goes on to look at the queue itself.
    pub(super) fn relieve(mut self) {
        self.on_duty = false;
        self.leave();
    }

    fn leave(&self) {
        let mut guarded = self.shared.guarded.lock();
        if guarded.keeper.is_some_and(|(_, number)| number == self.number) {
            guarded.keeper = None;
        }
    }
}

impl<K: QueueKey> Drop for TimeKeeper<K> {
    /// A getter that is cancelled hands its duty to another one.
    fn drop(&mut self) {
        if self.on_duty {
            self.leave();
            self.shared.changed.notify_one();
        }
    }
}
