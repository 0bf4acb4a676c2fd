//! The lock and the waking, under a scheduler that tries thousands of interleavings (shuttle).
//!
//! What runs is the code of `shared`; only the lock and the clock are the model's, so that each use of them may be
//! followed by any other task. A wake-up that is lost leaves a task waiting with nobody to wake it, which shuttle
//! reports as a deadlock.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use pilothouse_machinery::Environment;
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::sync::{Condvar, Mutex};
use tokio::time::Instant;

use super::platform::{Lock, Platform};
use super::shared::Shared;
use super::{Priority, WorkQueueOptions};

const HISTORIES: usize = 3000;

/// A clock that goes when told to.
struct Clock {
    state: Mutex<(Instant, Vec<Waker>)>,
}

struct Model(Arc<Clock>);

type Queue = Arc<Shared<u8, Model>>;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Clock {
    fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap();
        state.0 += by;
        let sleepers = std::mem::take(&mut state.1);
        drop(state);
        sleepers.into_iter().for_each(Waker::wake);
    }
}

impl Platform for Model {
    type Lock<T: Send> = Mutex<T>;

    fn now(&self) -> Instant {
        self.0.state.lock().unwrap().0
    }

    fn sleep_until(&self, due: Instant) -> impl Future<Output = ()> + Send {
        let clock = Arc::clone(&self.0);
        poll_fn(move |context| {
            let mut state = clock.state.lock().unwrap();
            if state.0 >= due {
                return Poll::Ready(());
            }
            state.1.push(context.waker().clone());
            Poll::Pending
        })
    }
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.lock().unwrap())
    }
}

/// How often each key was served, and in whose hands it is.
#[derive(Default)]
struct Served {
    counts: Mutex<([u32; 8], [bool; 8])>,
    changed: Condvar,
}

impl Served {
    /// Blocks until every key of `wanted` was served; a wake-up that was lost blocks it for ever.
    fn wait(&self, wanted: &[u8]) {
        let mut counts = self.counts.lock().unwrap();
        while wanted.iter().any(|key| counts.0[usize::from(*key)] == 0) {
            counts = self.changed.wait(counts).unwrap();
        }
    }

    async fn serve(&self, queue: &Queue, key: u8, slot: u32) {
        let key = usize::from(key);
        let held = std::mem::replace(&mut self.counts.lock().unwrap().1[key], true);
        assert!(!held, "Q-I1: two workers hold {key}");
        yield_now().await;
        {
            let mut counts = self.counts.lock().unwrap();
            counts.0[key] += 1;
            counts.1[key] = false;
        }
        queue.done(slot);
        self.changed.notify_all();
    }
}

fn queue() -> (Queue, Arc<Clock>) {
    let clock = Arc::new(Clock { state: Mutex::new((Instant::now(), Vec::new())) });
    let environment = Environment::simulated(1, jiff::Timestamp::UNIX_EPOCH);
    let options = WorkQueueOptions::named("model");
    (Arc::new(Shared::new(environment, Model(Arc::clone(&clock)), options, None)), clock)
}

fn worker(queue: &Queue, served: &Arc<Served>) -> JoinHandle<()> {
    let (queue, served) = (Arc::clone(queue), Arc::clone(served));
    spawn(async move {
        while let Some(taken) = queue.next().await {
            served.serve(&queue, taken.key, taken.slot).await;
        }
    })
}

/// Asks for keys, each after some milliseconds.
fn adder(queue: &Queue, keys: &'static [(u8, u64)]) -> JoinHandle<()> {
    let queue = Arc::clone(queue);
    spawn(async move {
        for (key, delay) in keys {
            queue.add(*key, ms(*delay), Priority::NORMAL);
        }
    })
}

fn ticks(clock: &Arc<Clock>, count: u64) -> JoinHandle<()> {
    let clock = Arc::clone(clock);
    spawn(async move {
        for _ in 0..count {
            clock.advance(ms(1));
            yield_now().await;
        }
    })
}

/// A getter that is dropped after it was polled twice at most.
fn impatient(queue: &Queue, served: &Arc<Served>) -> JoinHandle<()> {
    let (queue, served) = (Arc::clone(queue), Arc::clone(served));
    spawn(async move {
        let mut polls = 0;
        let taken = {
            let mut next = pin!(queue.next());
            poll_fn(|context| {
                polls += 1;
                match next.as_mut().poll(context) {
                    Poll::Pending if polls < 2 => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Pending => Poll::Ready(None),
                    Poll::Ready(taken) => Poll::Ready(taken),
                }
            })
            .await
        };
        if let Some(taken) = taken {
            served.serve(&queue, taken.key, taken.slot).await;
        }
    })
}

#[test]
fn p8_no_interleaving_of_adds_gets_delays_and_the_end_loses_a_wake_up() {
    let history = || {
        let ((queue, clock), served) = (queue(), Arc::new(Served::default()));
        let workers = [worker(&queue, &served), worker(&queue, &served)];
        let adders = [adder(&queue, &[(0, 0), (1, 2), (0, 0)]), adder(&queue, &[(2, 3), (0, 1), (2, 1)])];
        // Time goes once all delays are known, so that it goes far enough for each.
        block_on(async {
            for adder in adders {
                adder.await.unwrap();
            }
        });
        let time = ticks(&clock, 4);
        served.wait(&[0, 1, 2]);
        queue.close(true);
        block_on(async {
            time.await.unwrap();
            for worker in workers {
                worker.await.unwrap();
            }
        });
    };
    shuttle::check_random(history, HISTORIES);
    shuttle::check_pct(history, HISTORIES, 3);
}

#[test]
fn p8_a_getter_that_is_dropped_at_any_point_passes_on_what_it_was_woken_for() {
    let history = || {
        let ((queue, clock), served) = (queue(), Arc::new(Served::default()));
        let dropped = [impatient(&queue, &served), impatient(&queue, &served)];
        let worker = worker(&queue, &served);
        let adder = adder(&queue, &[(0, 0), (1, 1), (2, 0)]);
        block_on(async { adder.await.unwrap() });
        let time = ticks(&clock, 2);
        served.wait(&[0, 1, 2]);
        queue.close(true);
        block_on(async {
            time.await.unwrap();
            worker.await.unwrap();
            for getter in dropped {
                getter.await.unwrap();
            }
        });
    };
    shuttle::check_random(history, HISTORIES);
    shuttle::check_pct(history, HISTORIES, 3);
}

#[test]
fn p8_who_keeps_the_time_is_replaced_when_it_goes_and_told_of_an_earlier_time() {
    let history = || {
        let ((queue, clock), served) = (queue(), Arc::new(Served::default()));
        let dropped = [impatient(&queue, &served), impatient(&queue, &served)];
        let worker = worker(&queue, &served);
        let adder = adder(&queue, &[(1, 3), (2, 1)]);
        block_on(async { adder.await.unwrap() });
        // Nothing but the time brings these keys.
        for (count, key) in [(1, 2), (2, 1)] {
            let time = ticks(&clock, count);
            served.wait(&[key]);
            block_on(async { time.await.unwrap() });
        }
        queue.close(true);
        block_on(async {
            worker.await.unwrap();
            for getter in dropped {
                getter.await.unwrap();
            }
        });
    };
    shuttle::check_random(history, HISTORIES);
    shuttle::check_pct(history, HISTORIES, 3);
}

#[test]
fn q5_no_interleaving_keeps_a_drain_waiting() {
    let history = || {
        let ((queue, _clock), served) = (queue(), Arc::new(Served::default()));
        let workers = [worker(&queue, &served), worker(&queue, &served)];
        let adder = adder(&queue, &[(0, 0), (1, 0), (0, 0)]);
        block_on(async {
            queue.close(false);
            queue.drain().await;
            adder.await.unwrap();
            for worker in workers {
                worker.await.unwrap();
            }
        });
        assert!(queue.with(|state, _| state.is_empty()), "drained");
    };
    shuttle::check_random(history, HISTORIES);
}
