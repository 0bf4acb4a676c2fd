//! What the handles of one work queue share: the state behind its lock, and who wakes whom.
//!
//! No task runs in the background. Of the getters that find nothing, one (the time keeper) sleeps until the
//! next due time and the others without a timer. Whoever takes something wakes the next if more is left; nobody
//! is woken while nobody waits.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pilothouse_machinery::Environment;
use tokio::sync::Notify;

use super::entries::Slot;
use super::metrics::Instruments;
use super::platform::{Lock, Platform, Tokio};
use super::state::{State, Taken};
use super::time::{Clock as _, Reading, Time, Timepiece};
use super::{Priority, QueueKey, Retry, WorkQueueOptions};

pub(super) struct Shared<K: QueueKey, P: Platform = Tokio> {
    guarded: P::Lock<Guarded<K>>,
    /// Wakes one getter: there is a request to take, a due time to keep, or the end to see.
    changed: Notify,
    /// Wakes everybody who waits for the queue to drain.
    drained: Notify,
    timepiece: Timepiece<P>,
    environment: Environment,
    retry: Retry,
    /// Whether hand-outs and returns are timed: for metrics, or because the queue keeps to a pace. Reading the clock
    /// costs as much as all the rest of a step.
    is_timed: bool,
    instruments: Option<Instruments>,
}

struct Guarded<K> {
    state: State<K>,
    /// Getters that have found nothing and not looked again since (Q-I7).
    waiters: usize,
    /// Until when which getter sleeps on behalf of all.
    keeper: Option<(Time, u64)>,
    keepers: u64,
    drain_forced: bool,
    /// The time of the latest step that looked at the clock.
    latest: Time,
}

/// What a getter does next.
enum Step<K: QueueKey, P: Platform> {
    Take(Taken<K>),
    End,
    Wait(Seat<K, P>),
    WaitUntil(Time, Seat<K, P>),
}

impl<K: QueueKey> Guarded<K> {
    /// Whether a request becomes due that nobody will wake up for.
    fn is_unattended(&self) -> bool {
        self.state.next_due().is_some_and(|due| self.keeper.is_none_or(|(until, _)| due < until))
    }

    /// Whether somebody who waits must be woken.
    fn must_wake(&self) -> bool {
        self.waiters > 0 && (self.state.has_ready() || self.state.is_closed() || self.is_unattended())
    }

    /// A getter stops waiting, and keeping the time if that was its duty.
    fn leave(&mut self, duty: Option<u64>) {
        self.waiters -= 1;
        if duty.is_some() && self.keeper.map(|(_, number)| number) == duty {
            self.keeper = None;
        }
    }
}

impl<K: QueueKey, P: Platform> Shared<K, P> {
    pub(super) fn new(
        environment: Environment,
        platform: P,
        options: WorkQueueOptions<K>,
        instruments: Option<Instruments>,
    ) -> Self {
        let state = State::new(&options);
        let is_timed =
            instruments.is_some() || options.hot_keys.is_some() || !options.minimum_interval.is_zero();
        let latest = Time::default();
        let guarded = Guarded { state, waiters: 0, keeper: None, keepers: 0, drain_forced: false, latest };
        Self {
            guarded: Lock::new(guarded),
            changed: Notify::new(),
            drained: Notify::new(),
            timepiece: Timepiece::start(platform),
            environment,
            retry: options.retry,
            is_timed,
            instruments,
        }
    }

    /// One step. The clock is read before the lock is taken where it surely matters, else when it does.
    #[inline]
    fn change<R>(&self, change: impl FnOnce(&mut Guarded<K>, &mut Reading<'_, P>) -> R) -> R {
        let timed = self.is_timed.then(|| self.timepiece.now());
        self.guarded.with(|guarded| {
            let mut now = match timed {
                Some(now) => Reading::known(now.max(guarded.latest)),
                None => Reading::later_than(guarded.latest, &self.timepiece),
            };
            let answer = change(guarded, &mut now);
            guarded.latest = now.rough();
            self.publish(&mut guarded.state);
            answer
        })
    }

    /// Looks at the state or changes it, without an effect on who should be awake.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut State<K>, Time) -> R) -> R {
        let now = self.timepiece.now();
        self.guarded.with(|guarded| look(&mut guarded.state, now))
    }

    /// The next request, if there is one now: the short way of a getter that need not wait.
    #[inline]
    pub(super) fn try_next(&self) -> Option<Taken<K>> {
        let (taken, wake) = self.change(|guarded, now| {
            let taken = guarded.state.take(now);
            let wake = taken.is_some() && guarded.must_wake();
            (taken, wake)
        });
        if wake {
            self.changed.notify_one();
        }
        if let Some(taken) = &taken {
            self.count_taken(taken);
        }
        taken
    }

    #[inline]
    fn count_taken(&self, taken: &Taken<K>) {
        if let Some(instruments) = &self.instruments {
            instruments.queue_duration.observe(taken.waited);
        }
    }

    /// The next request; `None` once the queue is closed and nothing is left.
    pub(super) async fn next(self: &Arc<Self>) -> Option<Taken<K>> {
        let mut seat = None;
        loop {
            match self.step(seat.take()) {
                Step::Take(taken) => return Some(taken),
                Step::End => return None,
                Step::Wait(waiting) => {
                    self.changed.notified().await;
                    seat = Some(waiting);
                }
                Step::WaitUntil(due, waiting) => {
                    tokio::select! {
                        biased;
                        () = self.changed.notified() => {}
                        () = self.timepiece.sleep_until(due) => {}
                    }
                    seat = Some(waiting);
                }
            }
        }
    }

    /// One look of a getter, which waits no longer if it did. One that leaves the waiting passes the baton:
    /// somebody who sleeps without a timer must learn of what is left to do.
    fn step(self: &Arc<Self>, seat: Option<Seat<K, P>>) -> Step<K, P> {
        let duty = seat.map(Seat::vacate);
        let (step, wake) = self.change(|guarded, now| {
            if let Some(duty) = duty {
                guarded.leave(duty);
            }
            let taken = guarded.state.take(now);
            let step = match taken {
                Some(taken) => Step::Take(taken),
                None if guarded.state.is_closed() => Step::End,
                None => return (self.wait(guarded), false),
            };
            (step, guarded.must_wake())
        });
        if wake {
            self.changed.notify_one();
        }
        if let Step::Take(taken) = &step {
            self.count_taken(taken);
        }
        step
    }

    /// Decides who keeps the time: one getter sleeps until the next due time, the others only until told.
    fn wait(self: &Arc<Self>, guarded: &mut Guarded<K>) -> Step<K, P> {
        guarded.waiters += 1;
        let seat = |duty| Seat { shared: Some(Arc::clone(self)), duty };
        match guarded.state.next_due() {
            Some(due) if guarded.is_unattended() => {
                guarded.keepers += 1;
                guarded.keeper = Some((due, guarded.keepers));
                Step::WaitUntil(due, seat(Some(guarded.keepers)))
            }
            _ => Step::Wait(seat(None)),
        }
    }

    /// Applies a change, and wakes a getter if there is something to do for it.
    #[inline]
    fn update<R>(&self, change: impl FnOnce(&mut State<K>, &mut Reading<'_, P>) -> R) -> R {
        let (answer, wake) = self.change(|guarded, now| {
            let answer = change(&mut guarded.state, now);
            (answer, guarded.must_wake())
        });
        if wake {
            self.changed.notify_one();
        }
        answer
    }

    /// Asks for a key; whether a worker holds it.
    pub(super) fn add(&self, key: K, delay: Duration, priority: Priority) -> bool {
        self.count_retry(delay);
        self.update(|state, now| state.add(key, delay, priority, now))
    }

    /// Counts a failure and asks for the key again; returns after which delay.
    pub(super) fn retry(&self, key: K, priority: Priority) -> Duration {
        let delay = |failures| self.retry.drawn(failures, &self.environment);
        let delay = self.update(|state, now| state.retry(key, delay, priority, now));
        self.count_retry(delay);
        delay
    }

    fn count_retry(&self, delay: Duration) {
        if let (Some(instruments), false) = (&self.instruments, delay.is_zero()) {
            instruments.retries.inc();
        }
    }

    /// Takes a key back from a worker.
    pub(super) fn done(&self, slot: Slot) {
        let (worked, drained) = self.update(|state, now| {
            let worked = state.done(slot, now);
            (worked, state.is_closed() && state.is_empty())
        });
        if let (Some(instruments), Some(worked)) = (&self.instruments, worked) {
            instruments.work_duration.observe(worked);
        }
        if drained {
            self.drained.notify_waiters();
        }
    }

    /// Ends the intake; with `force`, also the waiting for the end of work in progress.
    pub(super) fn close(&self, force: bool) {
        self.change(|guarded, now| {
            guarded.state.close(now.exact());
            guarded.drain_forced |= force;
        });
        self.changed.notify_one();
        self.drained.notify_waiters();
    }

    /// Waits until a closed queue has nothing left, or is told not to wait.
    pub(super) async fn drain(&self) {
        loop {
            let mut drained = pin!(self.drained.notified());
            drained.as_mut().enable();
            if self.guarded.with(|guarded| guarded.drain_forced || guarded.state.is_empty()) {
                return;
            }
            drained.await;
        }
    }

    fn publish(&self, state: &mut State<K>) {
        let added = std::mem::take(&mut state.tally.added);
        if let Some(instruments) = &self.instruments {
            instruments.adds.inc_by(added);
            instruments.set_depths(&state.line);
        }
    }

    /// For how long each key has been in a worker's hands; empty after shutdown (Q13).
    pub(super) fn in_progress(&self) -> Vec<Duration> {
        self.with(|state, now| {
            if state.is_closed() {
                return Vec::new();
            }
            state.started().map(|started| now.since(started)).collect()
        })
    }
}

/// The place of a getter that waits, and its duty to wake up in time if it has that.
struct Seat<K: QueueKey, P: Platform> {
    /// `None` once the seat was vacated.
    shared: Option<Arc<Shared<K, P>>>,
    duty: Option<u64>,
}

impl<K: QueueKey, P: Platform> Seat<K, P> {
    /// Leaves to look at the queue, where the getter says so itself.
    fn vacate(mut self) -> Option<u64> {
        self.shared = None;
        self.duty
    }
}

impl<K: QueueKey, P: Platform> Drop for Seat<K, P> {
    /// A getter that is cancelled hands its duty to another one.
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else { return };
        let wake = shared.guarded.with(|guarded| {
            guarded.leave(self.duty);
            guarded.must_wake()
        });
        if wake {
            shared.changed.notify_one();
        }
    }
}
