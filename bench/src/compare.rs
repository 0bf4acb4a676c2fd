//! The comparison: a server, and one new process per measurement.

use std::env;
use std::process::Stdio;

use clap::ValueEnum;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;
use crate::candidate::Candidate;
use crate::command::Settings;
use crate::report::{Report, Results};
use crate::sample::Sample;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    List,
    Watch,
}

pub(crate) async fn run(settings: Settings, phase: Phase, events: u32) -> Result<(), Failure> {
    let (server, address, object_bytes) = start_server(&settings, events).await?;
    let mut candidates: Vec<Candidate> = Candidate::value_variants().to_vec();
    candidates.retain(|candidate| settings.only.is_empty() || settings.only.contains(candidate));
    let mut results: Vec<Results> = candidates.iter().copied().map(Results::new).collect();
    for round in 0..settings.rounds.max(1) {
        eprintln!("round {} of {}", round + 1, settings.rounds.max(1));
        for position in 0..candidates.len() {
            // Every second round goes backwards: no candidate always runs on a machine that the same other left.
            let index = if round % 2 == 0 { position } else { candidates.len() - 1 - position };
            results[index].samples.push(measure(candidates[index], &settings, &address, events).await?);
        }
    }
    drop(server);
    let report = Report { objects: settings.objects, object_bytes, events, results };
    if settings.json { report.print_json() } else { report.print_table(phase) }
}

async fn start_server(settings: &Settings, events: u32) -> Result<(Child, String, usize), Failure> {
    let mut server = Command::new(env::current_exe()?)
        .arg("serve")
        .args(["--objects", &settings.objects.to_string(), "--events", &events.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = server.stdout.take().ok_or("the server has no output")?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or("the server did not start")?;
    let (address, object_bytes) = line.split_once(' ').ok_or("the server named no address")?;
    Ok((server, address.to_owned(), object_bytes.parse()?))
}

async fn measure(
    candidate: Candidate,
    settings: &Settings,
    address: &str,
    events: u32,
) -> Result<Sample, Failure> {
    let output = Command::new(env::current_exe()?)
        .args(["measure", "--candidate", candidate.argument(), "--address", address])
        .args(["--objects", &settings.objects.to_string(), "--events", &events.to_string()])
        .args(["--threads", &settings.threads.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("{} failed", candidate.title()).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
