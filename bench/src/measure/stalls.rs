//! A reader that notes its longest wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::{thread_cpu_seconds, thread_queued_seconds};
use crate::sample::Stalls;

/// How long the reader reads before the relist, as a control.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// A reader at work.
#[derive(Debug)]
pub(super) struct StallWatch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Stalls>,
}

impl StallWatch {
    /// Starts a thread that gets objects by random numbers, and once per thousand of them lists a namespace.
    pub(super) fn start(
        objects: u32,
        get: impl Fn(u32) -> bool + Send + 'static,
        list: impl Fn(u32) -> usize + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (before, mut stalls, mut next) = (thread_cpu_seconds(), Stalls::default(), 1_u32);
            while !stopped.load(Ordering::Relaxed) {
                let queued = thread_queued_seconds();
                let mut longest = Duration::ZERO;
                for _ in 0..1000 {
                    next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let started = Instant::now();
                    std::hint::black_box(get((next >> 8) % objects));
                    longest = longest.max(started.elapsed());
                }
                let listed = thread_queued_seconds();
                let started = Instant::now();
                std::hint::black_box(list((next >> 8) % objects));
                let list = started.elapsed();
                note(longest, listed - queued, &mut stalls.get_ms, &mut stalls.get_quiet_ms);
                note(list, thread_queued_seconds() - listed, &mut stalls.list_ms, &mut stalls.list_quiet_ms);
                stalls.gets += 1000;
            }
            stalls.cpu_seconds = thread_cpu_seconds() - before;
            stalls
        });
        Self { stop, thread }
    }

    pub(super) fn end(self) -> Result<Stalls, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the reader panicked")?)
    }
}

fn note(wait: Duration, queued: f64, longest: &mut f64, quiet: &mut f64) {
    let seconds = wait.as_secs_f64();
    *longest = longest.max(seconds * 1e3);
    *quiet = quiet.max((seconds - queued) * 1e3);
}
