//! Threads that list the whole cache in a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::Failure;
use crate::process::thread_cpu_seconds;

/// Readers at work.
#[derive(Debug)]
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(f64, u64)>>,
}

impl Crowd {
    /// Starts this many threads; each calls `list` again and again.
    pub(super) fn start(count: usize, list: impl Fn() -> usize + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count).map(|_| {
            let (stop, list) = (Arc::clone(&stop), list.clone());
            std::thread::spawn(move || {
                let (before, mut lists) = (thread_cpu_seconds(), 0);
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box(list());
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
