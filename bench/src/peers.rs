//! The comparison with kube-runtime and client-go: first list, events, relist.

mod figures;
mod report;
mod targets;

use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::pods::Size;
use crate::run::Bench;
use crate::sample::Sample;

/// What is compared, and how long.
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How large pods are as JSON.
    #[arg(long, default_value = "9k")]
    size: Size,
    /// How many pods there are.
    #[arg(long, default_value_t = 50_000)]
    objects: u32,
    /// How many events after the list.
    #[arg(long, default_value_t = 50_000)]
    events: u32,
    /// How often each candidate is measured, each time in new processes.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
    /// Worker threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only these candidates, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Candidate>,
    /// No relists.
    #[arg(long)]
    no_relist: bool,
    /// Each figure with its ratios too.
    #[arg(long)]
    all: bool,
    /// Prints every sample as JSON instead of the tables.
    #[arg(long)]
    json: bool,
    /// A run of seconds that shows that everything works; its figures say nothing.
    #[arg(long)]
    smoke: bool,
}

/// The samples of one candidate.
#[derive(Debug)]
struct Results {
    candidate: Candidate,
    /// One process per round for the list and the memory after it.
    lists: Vec<Sample>,
    /// One process per round for events and relist.
    watches: Vec<Sample>,
}

pub(crate) async fn run(mut settings: Settings) -> Result<(), Failure> {
    if settings.smoke {
        (settings.objects, settings.events, settings.rounds) = (500, 1000, 1);
    }
    let bench = Bench::start(settings.objects, settings.size, settings.threads).await?;
    let wanted = |candidate: &Candidate| settings.only.is_empty() || settings.only.contains(candidate);
    let candidates = Candidate::value_variants().iter().copied();
    let mut results: Vec<Results> = candidates
        .filter(|candidate| wanted(candidate) && bench.has(*candidate))
        .map(|candidate| Results { candidate, lists: Vec::new(), watches: Vec::new() })
        .collect();
    let started = Instant::now();
    for round in 0..settings.rounds.max(1) {
        eprintln!("round {} of {}", round + 1, settings.rounds.max(1));
        for position in 0..results.len() {
            // Every second round goes backwards: nobody always runs on a machine that the same other left.
            let index = if round % 2 == 0 { position } else { results.len() - 1 - position };
            let (of, results) = (results.len(), &mut results[index]);
            eprintln!(
                "{:>4} s  {} of {of}: {}",
                started.elapsed().as_secs(),
                position + 1,
                results.candidate.title()
            );
            results.lists.push(bench.measure(results.candidate, settings.list(&bench)).await?);
            if results.candidate.has_events() {
                results.watches.push(bench.measure(results.candidate, settings.watch(&bench)).await?);
            }
        }
    }
    if settings.json {
        return report::print_json(&settings, &bench, &results);
    }
    println!(
        "{} pods of {} bytes as JSON, {} as protobuf; {} events; {} rounds; {} worker threads",
        settings.objects,
        bench.json_bytes,
        bench.protobuf_bytes,
        settings.events,
        settings.rounds,
        settings.threads
    );
    report::print(&settings, &results);
    targets::print(&settings, &results);
    if settings.all {
        report::print_all(&settings, &results);
    }
    Ok(())
}

impl Settings {
    fn list(&self, bench: &Bench) -> Work {
        Work {
            address: bench.address,
            objects: self.objects,
            events: 0,
            rate: 0,
            readers: 0,
            blocked: false,
            relist: false,
            settle: true,
        }
    }

    fn watch(&self, bench: &Bench) -> Work {
        Work { events: self.events, relist: !self.no_relist, settle: false, ..self.list(bench) }
    }
}
