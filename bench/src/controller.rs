//! Pilothouse's Controller beside those of controller-runtime and kube-runtime.

mod candidate;
pub(crate) mod drive;
mod figures;
mod kube_runtime;
mod pilothouse;
mod report;
mod socket;

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use clap::Args;
use tokio::process::Command;

use crate::pods::Size;
use crate::process::post;
use crate::progress::Progress;
use crate::run::Bench;
use crate::{Failure, go};
use candidate::Candidate;
use drive::{Sample, Work};
use figures::Figures;

/// What is compared, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How many pods there are.
    #[arg(long, default_value_t = 100_000)]
    objects: u32,
    #[arg(long, default_value = "4k")]
    size: Size,
    /// How many reconciles may run at once.
    #[arg(long, default_value_t = 10)]
    workers: u16,
    /// Threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often each controller is measured, each time in a new process.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Only these; controller-runtime-keys is measured when it is named.
    #[arg(long, value_delimiter = ',', default_value = "pilothouse,kube-runtime,controller-runtime,socket")]
    only: Vec<Candidate>,
    /// A run of seconds that shows that everything works; its figures say nothing.
    #[arg(long)]
    smoke: bool,
}

impl Settings {
    fn work(&self, candidate: Candidate, address: SocketAddr) -> Work {
        // Of one that is not given objects there is no version to tell an event by.
        let has_events = candidate != Candidate::ControllerRuntimeKeys;
        let has_queue = has_events && candidate != Candidate::Socket;
        let of = |full, smoke| if self.smoke { smoke } else { full };
        let events = |full, smoke| if has_queue { of(full, smoke) } else { 0 };
        Work {
            candidate,
            address,
            threads: self.threads,
            objects: self.objects,
            workers: self.workers,
            passes: of(3, 1),
            idle_events: if has_events { of(600, 50) } else { 0 },
            idle_rate: 200,
            burst: events(self.objects, self.objects),
            // Ten workers of five milliseconds serve less than 2,000 a second.
            overload_rate: u32::from(self.workers) * 400,
            overload_objects: of(4000, 500).min(self.objects),
            overload_seconds: events(8, 2),
            reconcile_ms: 5,
        }
    }
}

pub(crate) async fn run(mut settings: Settings) -> Result<(), Failure> {
    if settings.smoke {
        (settings.objects, settings.rounds) = (1000, 1);
    }
    let go = go::build_controller()?;
    let is_wanted = |one: &Candidate| settings.only.contains(one);
    let wanted: Vec<Candidate> =
        Candidate::ALL.into_iter().filter(|one| is_wanted(one) && (go.is_some() || !one.is_go())).collect();
    let bench = Bench::start_json(settings.objects, settings.size, settings.threads).await?;
    let progress = Progress::start();
    let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); wanted.len()];
    for round in 0..settings.rounds {
        for position in 0..wanted.len() {
            // Every second round goes backwards.
            let index = if round % 2 == 0 { position } else { wanted.len() - 1 - position };
            progress.say(&format!("round {}: {}", round + 1, wanted[index].title()));
            let work = settings.work(wanted[index], bench.address);
            // None of them takes half of what the hungriest cache does.
            bench.prepare(settings.objects / 2).await?;
            let sample = in_process(&work, go.as_deref()).await?;
            let sent: Vec<u64> = serde_json::from_slice(&post(bench.address, "/sent").await?)?;
            figures[index].push(figures::of(&work, &sample, &sent));
        }
    }
    report::print(&settings, bench.json_bytes, &wanted, &figures);
    Ok(())
}

/// One measurement in a new process.
async fn in_process(work: &Work, go: Option<&Path>) -> Result<Sample, Failure> {
    let mut command = match go {
        Some(program) if work.candidate.is_go() => {
            let mut command = Command::new(program);
            command.args(work.arguments("-")).env("GOMAXPROCS", work.threads.to_string());
            command.args((work.candidate == Candidate::ControllerRuntimeKeys).then_some("-keys"));
            command
        }
        _ => {
            let mut command = Command::new(env::current_exe()?);
            command.args(["measure-controller", "--candidate", &work.candidate.argument()]);
            command.args(work.arguments("--"));
            command
        }
    };
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        return Err(format!("{} failed", work.candidate.title()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// One controller in this process.
pub(crate) async fn measure(work: Work) -> Result<Sample, Failure> {
    match work.candidate {
        Candidate::Pilothouse => pilothouse::measure(work).await,
        Candidate::KubeRuntime => kube_runtime::measure(work).await,
        Candidate::Socket => socket::measure(work).await,
        Candidate::ControllerRuntime | Candidate::ControllerRuntimeKeys => {
            Err("the Go program measures that".into())
        }
    }
}
