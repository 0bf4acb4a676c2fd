//! The course of a trial: three managers, of which the leader is taken away again and again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::{Client, Environment, Metrics, ObjectKey};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::arguments::TrialOptions;
use crate::history::History;
use crate::process::{Process, start_server};
use crate::verdict::{Evidence, Figures};
use crate::writing::TARGETS;
use crate::{Failure, clock, manager};

/// How many managers stand.
const MANAGERS: usize = 3;
/// How long, beside the lease, a successor may take before the trial gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a process that was let go on is left alone, so that it can do harm.
const HARM: Duration = Duration::from_millis(300);

/// How the leader is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Graceful,
    Killed,
    Stopped,
}

/// Runs the trial, prints its figures; whether everything held.
pub(crate) async fn run(options: TrialOptions) -> Result<bool, Failure> {
    let temporary = tempfile::tempdir()?;
    let folder = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let kubeconfig = folder.join("kubeconfig");
    let _server = start_server(&kubeconfig).await?;
    let environment = Environment::seeded(options.seed);
    let client = manager::connect(&kubeconfig, &environment, &Metrics::new()).await?;
    for target in TARGETS {
        let mut map = ConfigMap::default();
        (map.metadata.namespace, map.metadata.name) = (Some("default".into()), Some(target.into()));
        client.create(&map).await?;
    }
    let history = History::follow(&client).await?;
    let mut trial = Trial {
        options,
        folder,
        environment,
        history,
        managers: Vec::new(),
        traces: Vec::new(),
        unplanned: 0,
    };
    for _ in 0..MANAGERS {
        trial.replace(None).await?;
    }
    let mut figures = Figures::default();
    for way in trial.ways() {
        let taken = trial.round(way).await?;
        figures.note(way, taken);
    }
    trial.end(&client, figures).await
}

struct Trial {
    options: TrialOptions,
    folder: PathBuf,
    environment: Environment,
    history: History,
    managers: Vec<Process>,
    /// The traces of all managers there ever were.
    traces: Vec<PathBuf>,
    /// How often a manager ended without having been told to.
    unplanned: usize,
}

impl Trial {
    /// The rounds: kinds mixed, so that each follows each.
    fn ways(&self) -> Vec<Way> {
        let TrialOptions { graceful, killed, stopped, .. } = self.options;
        let counts = [(Way::Graceful, graceful), (Way::Killed, killed), (Way::Stopped, stopped)];
        let mut ways: Vec<Way> =
            counts.iter().flat_map(|(way, count)| std::iter::repeat_n(*way, *count)).collect();
        for last in (1..ways.len()).rev() {
            ways.swap(last, self.environment.random_index(last + 1));
        }
        ways
    }

    /// Starts a manager, in the place of an old one where one is named, and waits until it could follow.
    async fn replace(&mut self, old: Option<usize>) -> Result<(), Failure> {
        let new = Process::start(format!("m{}", self.traces.len() + 1), &self.folder, &self.options)?;
        self.traces.push(new.trace.clone());
        new.ready().await?;
        match old {
            Some(index) => self.managers[index] = new,
            None => self.managers.push(new),
        }
        Ok(())
    }

    /// Replaces managers that have ended by themselves, as a lease that could not be renewed in time makes them.
    async fn tidy(&mut self) -> Result<(), Failure> {
        for index in 0..self.managers.len() {
            if let Some(status) = self.managers[index].ended()? {
                eprintln!("{} ended by itself: {status}", self.managers[index].identity);
                self.unplanned += 1;
                self.replace(Some(index)).await?;
            }
        }
        Ok(())
    }

    /// Takes the leader away once; the time until the server had accepted a write of the next one.
    async fn round(&mut self, way: Way) -> Result<Duration, Failure> {
        loop {
            self.tidy().await?;
            self.history.begun(PATIENCE).await?;
            // Some renewals long, so that leaders are taken away at any moment between two of them.
            let period = self.options.times.retry;
            sleep(Duration::from_millis(period + self.environment.random_u64() % (2 * period))).await;
            let Some((term, leader)) = self.history.newest() else { continue };
            let Some(index) = self.managers.iter().position(|one| one.identity == leader) else { continue };
            if self.managers[index].ended()?.is_some() {
                continue;
            }
            let signal = match way {
                Way::Graceful => Signal::TERM,
                Way::Killed => Signal::KILL,
                Way::Stopped => Signal::STOP,
            };
            let start = clock::now();
            self.managers[index].signal(signal)?;
            let limit = self.options.times.timing().lease_duration + PATIENCE;
            let (next, at) = self.history.next_term(term, limit).await?;
            self.bury(way, index).await?;
            self.replace(Some(index)).await?;
            // A leader that had lost its lease just before it was taken away says nothing about that.
            if let Some(taken) = at.checked_sub(start) {
                println!("{way:?}: {leader} in term {term}, followed in term {next} after {taken:?}");
                return Ok(taken);
            }
        }
    }

    /// Waits for the end of a manager that was taken away.
    async fn bury(&mut self, way: Way, index: usize) -> Result<(), Failure> {
        let manager = &mut self.managers[index];
        if way == Way::Stopped {
            sleep(Duration::from_millis(self.environment.random_u64() % 300)).await;
            manager.signal(Signal::CONT)?;
            sleep(HARM).await;
        }
        let status = manager.wait().await?;
        let is_right = match way {
            Way::Graceful => status.success(),
            Way::Killed => status.code().is_none(),
            Way::Stopped => status.code().is_some_and(|code| code != 0),
        };
        let identity = &manager.identity;
        if is_right { Ok(()) } else { Err(format!("{way:?} {identity} ended with {status}").into()) }
    }

    /// Stops everything and judges.
    async fn end(mut self, client: &Client, figures: Figures) -> Result<bool, Failure> {
        for manager in &mut self.managers {
            manager.signal(Signal::TERM)?;
            manager.wait().await?;
        }
        // Whoever would still write had its time.
        let _: ConfigMap = client.get(&ObjectKey::new("default", "merge")).await?;
        let changes = self.history.finish(client).await?;
        let traces: Vec<&Path> = self.traces.iter().map(PathBuf::as_path).collect();
        let evidence = Evidence::collect(&changes, &traces)?;
        Ok(figures.judge(&self.options, &evidence, self.unplanned))
    }
}
