//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::candidate::Candidate;
use crate::measure::{self, Work};
use crate::pods::Size;
use crate::{Failure, apiserver, cache, controller, peers, queue, server};

/// Pilothouse's cache, queue and controller beside those of kube-runtime and Go.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// First list, events and relist of all runtimes: CPU, memory, waits, and the ratios.
    Peers(peers::Settings),
    /// Readers during events, a subscriber that sleeps, a relist, a million objects.
    Cache(cache::Settings),
    /// Controllers beside those of controller-runtime and kube-runtime: latency, throughput, a burst, overload.
    Controller(controller::Settings),
    /// One controller; started by `controller`.
    #[command(hide = true)]
    MeasureController(controller::drive::Work),
    /// The API server in one process: start, memory, writes, watches.
    Apiserver(apiserver::Settings),
    /// One part of that; started by `apiserver`.
    #[command(hide = true)]
    MeasureApiserver(apiserver::Work),
    /// The work queue beside client-go's classic queue and controller-runtime's priority queue.
    Queue(queue::Settings),
    /// The figures of Pilothouse's queue; started by `queue`.
    #[command(hide = true)]
    MeasureQueue(queue::measure::Settings),
    /// The server that all list and watch; started by the others.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        objects: u32,
        #[arg(long)]
        size: Size,
        /// The Go program that writes pods as protobuf.
        #[arg(long)]
        go: Option<PathBuf>,
    },
    /// A very large cache in this process; started by `cache`.
    #[command(hide = true)]
    Fill {
        #[arg(long)]
        candidate: Candidate,
        #[arg(long)]
        objects: u32,
        #[arg(long)]
        size: Size,
    },
    /// One measurement of one candidate; started by the others.
    #[command(hide = true)]
    Measure {
        #[arg(long)]
        candidate: Candidate,
        #[arg(long)]
        threads: usize,
        #[command(flatten)]
        work: Work,
    },
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Peers(settings) => on(1, peers::run(settings)),
            Command::Cache(settings) => on(1, cache::run(settings)),
            Command::Controller(settings) => on(1, controller::run(settings)),
            Command::MeasureController(work) => {
                let sample = on(work.threads, controller::measure(work))?;
                println!("{}", serde_json::to_string(&sample)?);
                Ok(())
            }
            Command::Apiserver(settings) => apiserver::run(&settings),
            Command::MeasureApiserver(work) => {
                println!("{}", serde_json::to_string(&on(2, apiserver::measure(work))?)?);
                Ok(())
            }
            Command::Queue(settings) => queue::run(&settings),
            Command::MeasureQueue(settings) => {
                println!("{}", serde_json::to_string(&queue::measure::run(&settings)?)?);
                Ok(())
            }
            Command::Fill { candidate, objects, size } => {
                let sample = on(2, cache::million::fill(candidate, objects, size))?;
                println!("{}", serde_json::to_string(&sample)?);
                Ok(())
            }
            Command::Serve { objects, size, go } => on(1, server::run(objects, size, go)),
            Command::Measure { candidate, threads, work } => {
                let sample = on(threads, measure::run(candidate, work))?;
                println!("{}", serde_json::to_string(&sample)?);
                Ok(())
            }
        }
    }
}

/// Runs `work` as a task, as services run theirs: not on the thread that waits for the runtime.
fn on<T: Send + 'static>(
    threads: usize,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads.max(1)).enable_all().build()?;
    runtime.block_on(runtime.spawn(work))?
}
