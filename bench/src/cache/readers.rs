//! Events into the cache while readers read it.

use super::{COMPARED, Settings};
use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::progress::Progress;
use crate::run::Bench;
use crate::sample::WatchSample;
use crate::table::{Table, number, spread};
use crate::verdict::Wanted;

/// How readers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// So many threads, in a loop.
    Loop(usize),
    /// Ten threads that touch no cache: what the scheduler does to the writer.
    Spin,
    /// Ten threads at a pace.
    Paced,
}

const TEN: usize = 10;
const ALL: [Reading; 5] =
    [Reading::Loop(0), Reading::Loop(1), Reading::Loop(TEN), Reading::Spin, Reading::Paced];

/// Where the control is in [`ALL`].
const SPIN: usize = 3;

/// Per wall second, per CPU second of the writer, lists per second.
type Rates = [f64; 3];

async fn watch(bench: &Bench, candidate: Candidate, work: Work) -> Result<WatchSample, Failure> {
    bench.measure(candidate, work).await?.watch.ok_or_else(|| "a sample without events".into())
}

impl Reading {
    fn title(self, settings: &Settings) -> String {
        match self {
            Self::Loop(0) => "none".to_owned(),
            Self::Loop(readers) => format!("{readers} in a loop"),
            Self::Spin => format!("{TEN} that read nothing"),
            Self::Paced => format!("{TEN}, {} lists/s each", settings.pace),
        }
    }

    /// The control is measured once: it says nothing of a cache.
    fn is_for(self, candidate: Candidate) -> bool {
        self != Self::Spin || candidate == Candidate::Pilothouse
    }

    async fn rates(self, settings: &Settings, bench: &Bench, candidate: Candidate) -> Result<Rates, Failure> {
        let (readers, pace) = match self {
            Self::Loop(readers) => (readers, 0),
            Self::Spin => (TEN, 0),
            Self::Paced => (TEN, settings.pace),
        };
        let events = settings.events_of(candidate, matches!(self, Self::Loop(TEN) | Self::Spin));
        let work = Work { events, readers, pace, spin: self == Self::Spin, ..settings.work(bench) };
        let sample = watch(bench, candidate, work).await?;
        #[expect(clippy::cast_precision_loss, reason = "a count of lists")]
        let lists = sample.lists as f64 / sample.cost.wall_seconds;
        let events = f64::from(events);
        Ok([events / sample.cost.wall_seconds, events / sample.writer_cpu_seconds, lists])
    }
}

/// Events as fast as they go, while nobody, one and ten threads list everything in a loop, and ten at a pace. Gives
/// the verdicts.
pub(super) async fn unpaced(
    settings: &Settings,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<Vec<String>>, Failure> {
    let title = format!(
        "### Events into the cache while readers list all {} pods\n\nMedians of {} rounds. Readers in a loop want more \
         cores than there are: by the wall clock the kernel shares the cores among readers and writer, whatever the \
         cache does. What the cache does shows per CPU second of the writer (CPU of the process without the reading \
         threads'), and by the wall clock where readers leave the writer its core (at a pace).",
        settings.objects, settings.rounds,
    );
    let columns = ["", "readers", "lists/s", "events/s", "to none", "events/writer CPU s", "to none"];
    let (mut table, mut verdicts) = (Table::new(title, &columns), Vec::new());
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        let mut rounds: [Vec<Rates>; ALL.len()] = Default::default();
        for round in 0..settings.rounds.max(1) {
            for (reading, rates) in
                ALL.iter().zip(&mut rounds).filter(|(reading, _)| reading.is_for(candidate))
            {
                let (round, readers) = (round + 1, reading.title(settings));
                progress.say(&format!("{}, round {round}, readers: {readers}", candidate.title()));
                rates.push(reading.rates(settings, bench, candidate).await?);
            }
        }
        let median = |of: &[Rates], which: usize| spread(of.iter().map(|rates| rates[which]).collect())[1];
        for (reading, rates) in ALL.iter().zip(&rounds).filter(|(reading, _)| reading.is_for(candidate)) {
            let [wall, cpu, lists] = [0, 1, 2].map(|which| median(rates, which));
            let [wall_share, cpu_share] = [wall / median(&rounds[0], 0), cpu / median(&rounds[0], 1)];
            let mut cells = vec![candidate.title().to_owned(), reading.title(settings)];
            cells.extend([lists, wall, wall_share, cpu, cpu_share].map(number));
            table.row(cells);
            if candidate == Candidate::Pilothouse && !matches!(reading, Reading::Loop(0) | Reading::Spin) {
                let goal = |of: &str| format!("Events per {of} beside readers ({})", reading.title(settings));
                verdicts.push(Wanted::AtLeast(0.8).row(&goal("wall second"), wall_share));
                verdicts.push(Wanted::AtLeast(0.8).row(&goal("writer CPU second"), cpu_share));
                if *reading == Reading::Loop(TEN) {
                    let spinning = wall / median(&rounds[SPIN], 0);
                    let goal = "Events per wall second beside 10 in a loop, to beside 10 that read nothing";
                    verdicts.push(Wanted::AtLeast(0.8).row(goal, spinning));
                }
            }
        }
    }
    table.print();
    Ok(verdicts)
}

/// Events at a steady pace.
pub(super) async fn paced(settings: &Settings, bench: &Bench, progress: &Progress) -> Result<(), Failure> {
    let columns = ["", "sent/s", "readers", "arrived/s", "latest, ms"];
    let mut table =
        Table::new("### Events at a steady pace: rate of arrival, and how late the latest came", &columns);
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        for (rate, readers) in [(5000, 0), (5000, TEN), (20_000, 0), (20_000, TEN)] {
            progress.say(&format!("{}, {rate} events/s, {readers} readers", candidate.title()));
            let events = settings.events_of(candidate, readers > 0);
            let work = Work { events, rate, readers, ..settings.work(bench) };
            let sample = watch(bench, candidate, work).await?;
            table.row(vec![
                candidate.title().to_owned(),
                rate.to_string(),
                readers.to_string(),
                number(f64::from(events) / sample.cost.wall_seconds),
                sample.latest_ms.to_string(),
            ]);
        }
    }
    table.print();
    Ok(())
}
