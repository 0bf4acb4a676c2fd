//! The cache on its own, and beside its peers where they have the same: readers while events come in, a subscriber
//! that sleeps, a relist, a million objects.

pub(crate) mod million;
mod readers;
mod relist;
mod sleeper;

use clap::Args;

use crate::candidate::Candidate;
use crate::measure::Work;
use crate::pods::Size;
use crate::progress::Progress;
use crate::run::Bench;
use crate::{Failure, verdict};

/// What is measured, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How large pods are as JSON.
    #[arg(long, default_value = "9k")]
    size: Size,
    /// How many pods readers list in a loop.
    #[arg(long, default_value_t = 10_000)]
    objects: u32,
    /// How many events while readers read; peers get an eighth, and a twentieth beside ten readers in a loop.
    #[arg(long, default_value_t = 50_000)]
    events: u32,
    /// How many lists per second each of ten readers makes that read at a pace.
    #[arg(long, default_value_t = 20)]
    pace: u32,
    /// How often events beside readers are measured.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// How many pods the relist is of.
    #[arg(long, default_value_t = 50_000)]
    relist_objects: u32,
    /// How many events a subscriber sleeps through; four times as many once more.
    #[arg(long, default_value_t = 50_000)]
    slept_events: u32,
    /// How many pods the compact cache holds; 0: leave that part out.
    #[arg(long, default_value_t = 1_000_000)]
    compact_objects: u32,
    /// Worker threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only these parts, separated by commas; without: all but `paced`.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<Part>,
    /// A run of seconds that shows that everything works; its figures say nothing.
    #[arg(long)]
    smoke: bool,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Readers while events come in as fast as they go.
    Readers,
    /// The same at a steady pace.
    Paced,
    /// A subscriber that takes nothing.
    Sleeper,
    /// A relist, and a reader who notes its longest wait.
    Relist,
    /// A very large compact cache.
    Million,
}

/// Who has the same to show.
const COMPARED: [Candidate; 4] =
    [Candidate::KubeRuntime, Candidate::ClientGo, Candidate::ClientGoProtobuf, Candidate::Pilothouse];

pub(crate) async fn run(mut settings: Settings) -> Result<(), Failure> {
    if settings.smoke {
        (settings.objects, settings.events, settings.relist_objects) = (500, 2000, 500);
        (settings.slept_events, settings.compact_objects) = (2000, 5000);
    }
    let (progress, mut verdicts) = (Progress::start(), Vec::new());
    if settings.has(Part::Readers) || settings.has(Part::Paced) || settings.has(Part::Sleeper) {
        progress.say("the server writes its pods");
        let bench = Bench::start(settings.objects, settings.size, settings.threads).await?;
        println!("{} pods of {} bytes as JSON", settings.objects, bench.json_bytes);
        if settings.has(Part::Readers) {
            verdicts.extend(readers::unpaced(&settings, &bench, &progress).await?);
        }
        if settings.has(Part::Paced) {
            readers::paced(&settings, &bench, &progress).await?;
        }
        if settings.has(Part::Sleeper) {
            verdicts.extend(sleeper::run(&settings, &bench, &progress).await?);
        }
    }
    if settings.has(Part::Relist) {
        progress.say("the server writes its pods");
        let bench = Bench::start(settings.relist_objects, settings.size, settings.threads).await?;
        verdicts.extend(relist::run(&settings, &bench, &progress).await?);
    }
    if settings.has(Part::Million) && settings.compact_objects > 0 {
        progress.say(&format!("{} pods, compact", settings.compact_objects));
        verdicts.extend(million::compare(settings.compact_objects, settings.size).await?);
    }
    let mut targets = verdict::table();
    for row in verdicts {
        targets.row(row);
    }
    targets.print();
    progress.say("done");
    Ok(())
}

impl Settings {
    fn has(&self, part: Part) -> bool {
        (self.parts.is_empty() && part != Part::Paced) || self.parts.contains(&part)
    }

    /// Fewer for peers, which take minutes otherwise; rates do not depend on it.
    fn events_of(&self, candidate: Candidate, beside_many: bool) -> u32 {
        match (candidate.is_peer(), beside_many) {
            (true, true) => self.events / 20,
            (true, false) => self.events / 8,
            _ => self.events,
        }
    }

    fn work(&self, bench: &Bench) -> Work {
        Work {
            address: bench.address,
            objects: self.objects,
            events: self.events,
            rate: 0,
            readers: 0,
            pace: 0,
            spin: false,
            sleeper: None,
            relist: false,
            settle: false,
        }
    }
}
