//! The comparison with kube-runtime and client-go: first list, events, relist.

mod figures;
mod report;
mod targets;

use clap::{Args, ValueEnum};

use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::pods::Size;
use crate::progress::Progress;
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
    #[arg(long, default_value_t = 20_000)]
    events: u32,
    /// How often each candidate is measured, each time in new processes.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Worker threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// These candidates, separated by commas, instead of the targets' and kube-runtime with `managedFields` cleared.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Candidate>,
    /// All candidates there are.
    #[arg(long)]
    everybody: bool,
    /// Relists too; `cache` has them in a run of their own.
    #[arg(long)]
    relist: bool,
    /// Does not touch memory before each measurement.
    #[arg(long)]
    cold_memory: bool,
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
    /// The list and the memory after it, once per round.
    lists: Vec<Sample>,
    /// Events and relist, once per round.
    watches: Vec<Sample>,
}

impl Results {
    /// One round. Go's memory is read after forced collections, which would change the events: they get a process of
    /// their own.
    async fn measure(&mut self, settings: &Settings, bench: &Bench) -> Result<(), Failure> {
        let (candidate, work) = (self.candidate, settings.watch(bench));
        match (candidate.has_events(), candidate.is_go()) {
            (true, false) => {
                let sample = bench.measure(candidate, work).await?;
                self.lists.push(sample.clone());
                self.watches.push(sample);
            }
            (true, true) => {
                self.lists.push(bench.measure(candidate, settings.list(bench)).await?);
                self.watches.push(bench.measure(candidate, work).await?);
            }
            (false, _) => self.lists.push(bench.measure(candidate, settings.list(bench)).await?),
        }
        Ok(())
    }
}

pub(crate) async fn run(mut settings: Settings) -> Result<(), Failure> {
    if settings.smoke {
        (settings.objects, settings.events, settings.rounds) = (500, 1000, 1);
    }
    let progress = Progress::start();
    progress.say("the server writes its pods");
    let mut bench = Bench::start(settings.objects, settings.size, settings.threads).await?;
    if settings.cold_memory {
        bench = bench.without_touching();
    }
    let wanted = |candidate: &Candidate| settings.wants(*candidate);
    let candidates = Candidate::value_variants().iter().copied();
    let mut results: Vec<Results> = candidates
        .filter(|candidate| wanted(candidate) && bench.has(*candidate))
        .map(|candidate| Results { candidate, lists: Vec::new(), watches: Vec::new() })
        .collect();
    for round in 0..settings.rounds.max(1) {
        for position in 0..results.len() {
            // Every second round goes backwards: nobody always runs on a machine that the same other left.
            let index = if round % 2 == 0 { position } else { results.len() - 1 - position };
            let (of, results) = (results.len(), &mut results[index]);
            let (place, rounds) = (position + 1, settings.rounds.max(1));
            progress.say(&format!(
                "round {} of {rounds}, {place} of {of}: {}",
                round + 1,
                results.candidate.title()
            ));
            results.measure(&settings, &bench).await?;
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
    fn wants(&self, candidate: Candidate) -> bool {
        match (self.only.is_empty(), self.everybody) {
            (false, _) => self.only.contains(&candidate),
            (true, true) => true,
            (true, false) => candidate == Candidate::KubeRuntimeCut || targets::names(candidate),
        }
    }

    fn list(&self, bench: &Bench) -> Work {
        Work {
            address: bench.address,
            objects: self.objects,
            events: 0,
            rate: 0,
            readers: 0,
            pace: 0,
            spin: false,
            sleeper: None,
            relist: false,
            settle: true,
        }
    }

    fn watch(&self, bench: &Bench) -> Work {
        Work { events: self.events, relist: self.relist, settle: false, ..self.list(bench) }
    }
}
