//! The cache on its own, and beside its peers where they have the same: readers while events come in, a subscriber
//! that sleeps, a relist, a million objects.

mod load;
pub(crate) mod million;

use clap::Args;

use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::pods::Size;
use crate::run::Bench;

/// What is measured, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How large pods are as JSON.
    #[arg(long, default_value = "9k")]
    size: Size,
    /// How many pods readers list in a loop.
    #[arg(long, default_value_t = 10_000)]
    objects: u32,
    /// How many events while readers read; peers get a quarter, and a twentieth beside ten readers.
    #[arg(long, default_value_t = 50_000)]
    events: u32,
    /// How many pods the relist is of.
    #[arg(long, default_value_t = 50_000)]
    relist_objects: u32,
    /// How many events Pilothouse's subscriber sleeps through.
    #[arg(long, default_value_t = 1_000_000)]
    slept_events: u32,
    /// The same for client-go's handler, whose memory grows with each.
    #[arg(long, default_value_t = 100_000)]
    slept_events_go: u32,
    /// How many pods the compact cache holds; 0: leave that part out.
    #[arg(long, default_value_t = 1_000_000)]
    compact_objects: u32,
    /// Worker threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only these parts, separated by commas.
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
        (settings.slept_events, settings.slept_events_go, settings.compact_objects) = (2000, 2000, 5000);
    }
    let has = |part| settings.parts.is_empty() || settings.parts.contains(&part);
    if has(Part::Readers) || has(Part::Paced) || has(Part::Sleeper) {
        let bench = Bench::start(settings.objects, settings.size, settings.threads).await?;
        println!("{} pods of {} bytes as JSON", settings.objects, bench.json_bytes);
        if has(Part::Readers) {
            load::unpaced(&settings, &bench).await?;
        }
        if has(Part::Paced) {
            load::paced(&settings, &bench).await?;
        }
        if has(Part::Sleeper) {
            load::sleeper(&settings, &bench).await?;
        }
    }
    if has(Part::Relist) {
        let bench = Bench::start(settings.relist_objects, settings.size, settings.threads).await?;
        load::relist(&settings, &bench).await?;
    }
    if has(Part::Million) && settings.compact_objects > 0 {
        million::compare(settings.compact_objects, settings.size).await?;
    }
    Ok(())
}

impl Settings {
    /// Fewer for peers beside many readers, which take minutes otherwise; rates do not depend on it.
    fn events_of(&self, candidate: Candidate, readers: usize) -> u32 {
        match (candidate.is_peer(), readers) {
            (true, 2..) => self.events / 20,
            (true, _) => self.events / 4,
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
            blocked: false,
            relist: false,
            settle: false,
        }
    }
}
