//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use crate::candidate::Candidate;
use crate::compare::{self, Phase};
use crate::sample::Target;
use crate::{Failure, kube_runtime, pilothouse_informer, server};

/// Side-by-side benchmarks of Pilothouse and kube-runtime.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The first list of a cache: CPU, wall time, memory.
    List(Settings),
    /// MODIFIED events into a filled cache: events per CPU second, memory after them.
    Watch {
        #[command(flatten)]
        settings: Settings,
        /// How many events.
        #[arg(long, default_value_t = 50_000)]
        events: u32,
    },
    /// The server that the candidates list and watch; started by the others.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        objects: u32,
        #[arg(long)]
        events: u32,
    },
    /// One measurement of one candidate; started by the others.
    #[command(hide = true)]
    Measure {
        #[arg(long)]
        candidate: Candidate,
        #[arg(long)]
        address: SocketAddr,
        #[arg(long)]
        objects: u32,
        #[arg(long)]
        events: u32,
        #[arg(long)]
        threads: usize,
    },
}

/// What both comparisons share.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How many pods the cache holds.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) objects: u32,
    /// How often each candidate is measured, each time in a new process.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Worker threads of the measured process.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Only these candidates, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Candidate>,
    /// Prints every sample as JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::List(settings) => on(1, compare::run(settings, Phase::List, 0)),
            Command::Watch { settings, events } => on(1, compare::run(settings, Phase::Watch, events.max(1))),
            Command::Serve { objects, events } => on(1, server::run(objects, events)),
            Command::Measure { candidate, address, objects, events, threads } => {
                let target = Target { address, objects, events };
                let sample = match candidate {
                    Candidate::KubeRuntime => on(threads, kube_runtime::measure(target, false)),
                    Candidate::KubeRuntimeCut => on(threads, kube_runtime::measure(target, true)),
                    Candidate::Pilothouse => on(threads, pilothouse_informer::measure(target, false)),
                    Candidate::PilothouseTyped => on(threads, pilothouse_informer::measure(target, true)),
                }?;
                println!("{}", serde_json::to_string(&sample)?);
                Ok(())
            }
        }
    }
}

fn on<T>(threads: usize, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()?
        .block_on(work)
}
