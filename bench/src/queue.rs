//! The work queue beside client-go's classic queue and controller-runtime's priority queue.

pub(crate) mod measure;

use std::path::Path;
use std::process::Command;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::table::{Table, number, spread};
use crate::{Failure, go};

/// What is compared, and how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// How many keys there are; several numbers separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000")]
    keys: Vec<usize>,
    /// Operations per figure.
    #[arg(long, default_value_t = 1_000_000)]
    operations: usize,
    /// Producers, and as many workers.
    #[arg(long, default_value_t = 4)]
    each: usize,
    /// Threads of measured processes.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How often each queue is measured, each time in a new process.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A run of seconds that shows that everything works; its figures say nothing.
    #[arg(long)]
    smoke: bool,
}

/// The figures of one process: nanoseconds of CPU (of the clock where it says so), and bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Add, get and done of one key after the other.
    one_at_a_time: f64,
    /// The same of all keys: add all, then get and done of all.
    fill_drain: f64,
    /// Add of a key that is ready already.
    duplicate: f64,
    /// Producers and workers side by side, per add.
    crowd: f64,
    /// The same by the clock.
    crowd_wall: f64,
    /// Memory per ready key beside the text of the key, where there are enough to tell.
    bytes: Option<f64>,
}

/// The name of a figure, and where it is.
type Figure = (&'static str, fn(&Sample) -> f64);

const FIGURES: [Figure; 6] = [
    ("add+get+done, one at a time, ns CPU", |sample| sample.one_at_a_time),
    ("add+get+done, fill and drain, ns CPU", |sample| sample.fill_drain),
    ("add of a ready key, ns CPU", |sample| sample.duplicate),
    ("producers and workers, per add, ns CPU", |sample| sample.crowd),
    ("producers and workers, per add, ns wall", |sample| sample.crowd_wall),
    ("bytes per ready key", |sample| sample.bytes.unwrap_or(f64::NAN)),
];

const CANDIDATES: [&str; 3] = ["pilothouse", "classic", "priority"];

pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let mut settings = settings.clone();
    if settings.smoke {
        (settings.operations, settings.rounds) = (10_000, 1);
    }
    let go = go::build_queues()?;
    let mut table = Table::new(
        "Smallest of the rounds; ratios are of those",
        &[
            "figure",
            "keys",
            "Pilothouse",
            "client-go",
            "controller-runtime",
            "/ client-go",
            "/ controller-runtime",
        ],
    );
    for keys in &settings.keys {
        let mut samples: [Vec<Sample>; 3] = Default::default();
        for round in 0..settings.rounds {
            for position in 0..CANDIDATES.len() {
                // Every second round goes backwards.
                let index = if round % 2 == 0 { position } else { CANDIDATES.len() - 1 - position };
                samples[index].extend(measure(&settings, CANDIDATES[index], *keys, go.as_deref())?);
            }
        }
        for (title, figure) in FIGURES {
            let least = |of: &Vec<Sample>| spread(of.iter().map(figure).collect())[0];
            let [ours, classic, priority] = [least(&samples[0]), least(&samples[1]), least(&samples[2])];
            let cells = [ours, classic, priority, ours / classic, ours / priority].map(number);
            let mut row = vec![title.to_owned(), keys.to_string()];
            row.extend(cells);
            table.row(row);
        }
    }
    table.print();
    println!("\nTargets for one at a time: <= 0.5 of client-go, <= 0.1 of controller-runtime.");
    Ok(())
}

fn measure(
    settings: &Settings,
    candidate: &str,
    keys: usize,
    go: Option<&Path>,
) -> Result<Option<Sample>, Failure> {
    let flags = [
        ("keys", keys),
        ("rounds", settings.operations),
        ("each", settings.each),
        ("threads", settings.threads),
    ];
    let mut command = if candidate == "pilothouse" {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("measure-queue");
        command
    } else {
        let Some(go) = go else { return Ok(None) };
        let mut command = Command::new(go);
        command.arg(format!("--queue={candidate}"));
        command
    };
    let output = command.args(flags.map(|(name, value)| format!("--{name}={value}"))).output()?;
    if !output.status.success() {
        return Err(format!("{candidate}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}
