//! Threads that list the whole cache in a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Work;
use crate::Failure;
use crate::process::thread_cpu_seconds;

/// Readers at work.
#[derive(Debug)]
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(f64, u64)>>,
}

/// When one reader lists next. Who is late does not catch up.
struct Pace {
    period: Duration,
    due: Instant,
}

impl Pace {
    /// The readers' first lists are spread over one period.
    fn new(work: Work, reader: usize) -> Self {
        let period = Duration::from_secs(1).checked_div(work.pace).unwrap_or_default();
        let share = u32::try_from(reader).unwrap_or(0);
        Self {
            period,
            due: Instant::now() + period * share / u32::try_from(work.readers).unwrap_or(1).max(1),
        }
    }

    fn wait(&mut self) {
        if !self.period.is_zero() {
            std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
            self.due = Instant::now().max(self.due + self.period);
        }
    }
}

/// As much of a core as a short list takes, and nothing of the cache.
fn spin() -> usize {
    (0..100_000).fold(0, |sum, number| std::hint::black_box(sum ^ number))
}

impl Crowd {
    /// Starts as many threads as wanted; each calls `list` again and again, at its pace if there is one.
    pub(super) fn start(work: Work, list: impl Fn() -> usize + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..work.readers).map(|reader| {
            let (stop, list) = (Arc::clone(&stop), list.clone());
            std::thread::spawn(move || {
                let (before, mut lists) = (thread_cpu_seconds(), 0);
                let mut pace = Pace::new(work, reader);
                while !stop.load(Ordering::Relaxed) {
                    pace.wait();
                    std::hint::black_box(if work.spin { spin() } else { list() });
                    lists += 1;
                }
                (thread_cpu_seconds() - before, lists)
            })
        });
        Self { threads: threads.collect(), stop }
    }

    /// Ends them; says how much CPU time they took, in seconds, and how many lists they made.
    pub(super) fn end(self) -> Result<(f64, u64), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = (0.0, 0);
        for thread in self.threads {
            let (cpu, lists) = thread.join().map_err(|_| "a reader panicked")?;
            total = (total.0 + cpu, total.1 + lists);
        }
        Ok(total)
    }
}
