//! The API server in one process: how soon it answers, what it holds, how much it takes and tells.

mod http;
mod part;
mod watchers;

use std::env;
use std::process::{Command, Stdio};

use clap::Args;

use crate::Failure;
use crate::progress::Progress;
use crate::table::{Table, number, spread};
use crate::verdict::{self, Wanted};

use part::{Part, Sample};
pub(crate) use part::{Work, measure};

/// How long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// Objects of some 700 bytes that are written and kept.
    #[arg(long, default_value_t = 1_000_000)]
    objects: usize,
    /// Watches, each of which is told of every event.
    #[arg(long, default_value_t = 100)]
    watchers: usize,
    /// How often each part is measured, each time in a new process.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A run of seconds that shows that everything works; its figures say nothing.
    #[arg(long)]
    smoke: bool,
}

type Figure = fn(&Sample) -> Option<f64>;

const FIGURES: [(&str, Wanted, Figure); 9] = [
    ("in process: start to first answer, ms", Wanted::AtMost(5.0), |sample| sample.start_ms),
    ("HTTPS: start to first answer, ms", Wanted::AtMost(50.0), |sample| sample.https_start_ms),
    ("idle: resident, MiB", Wanted::AtMost(25.0), |sample| sample.idle_mib),
    ("all objects: resident, MiB", Wanted::AtMost(1430.5), |sample| sample.full_mib),
    ("in process: creates per second", Wanted::AtLeast(100_000.0), |sample| sample.creates_per_second),
    ("in process: updates per second", Wanted::AtLeast(100_000.0), |sample| sample.updates_per_second),
    ("HTTP: creates per second", Wanted::AtLeast(10_000.0), |sample| sample.http_creates_per_second),
    ("watches: events per second", Wanted::AtLeast(49_500.0), |sample| sample.events_per_second),
    ("watches: last event to the last of them, ms", Wanted::AtMost(100.0), |sample| sample.lag_ms),
];

pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let mut settings = settings.clone();
    if settings.smoke {
        (settings.objects, settings.watchers, settings.rounds) = (2000, 10, 1);
    }
    let progress = Progress::start();
    let mut samples = Vec::new();
    for round in 0..settings.rounds {
        for part in Part::ALL {
            progress.say(&format!("round {}: {}", round + 1, part.title()));
            samples.push(measured(&settings, part)?);
        }
    }
    let title = format!(
        "Medians of {} rounds, {} objects, {} watches",
        settings.rounds, settings.objects, settings.watchers
    );
    let mut bytes = Table::new(title, &["", ""]);
    let median = |figure: Figure| spread(samples.iter().filter_map(figure).collect())[1];
    bytes.row(vec!["bytes of an object as written".to_owned(), number(median(|sample| sample.object_bytes))]);
    bytes.print();
    let mut targets = verdict::table();
    for (title, wanted, figure) in FIGURES {
        targets.row(wanted.row(title, median(figure)));
    }
    targets.print();
    Ok(())
}

/// One part in a new process.
fn measured(settings: &Settings, part: Part) -> Result<Sample, Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["measure-apiserver", "--part", &part.argument()]);
    command.args(["--objects", &settings.objects.to_string(), "--watchers", &settings.watchers.to_string()]);
    command.args(settings.smoke.then_some("--smoke"));
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} failed", part.title()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
