//! What a manager runs.

use std::fmt;
use std::future::Future;

use futures::FutureExt;
use futures::future::BoxFuture;
use pilothouse_machinery::Environment;

use super::{ControllerSettings, Liveness, Readiness, Shutdown};
use crate::{Client, DeadLetters, Informers, Leadership, Metrics};

/// Any error, boxed: what a [`Runnable`] may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a runnable is given by its manager. Cheap to clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunContext {
    /// The manager's name.
    pub manager: String,
    /// The way to the API server. For leader work in a manager with an election it is fenced: it sends writes only
    /// while this process leads.
    pub client: Client,
    /// The caches shared by everything in the manager.
    pub informers: Informers,
    /// Time, randomness and tasks.
    pub environment: Environment,
    /// The metrics that the manager serves.
    pub metrics: Metrics,
    /// What its controllers have given up on.
    pub dead_letters: DeadLetters,
    /// Where the runnable says whether it is ready; `/readyz` shows it.
    pub readiness: Readiness,
    /// Where the runnable says whether a restart would help it; `/livez` shows it.
    pub liveness: Liveness,
    /// Whether this process leads; always, in a manager without an election.
    pub leadership: Leadership,
    /// The word to stop.
    pub shutdown: Shutdown,
}

/// When a runnable starts and stops, relative to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Starts first and stops last: what must also run where others lead.
    Support,
    /// Work that changes the cluster. Starts last, when this process leads, and stops first, while the caches are
    /// still fed.
    #[default]
    Leader,
}

/// Something with a life: a controller, a journal, a server.
pub trait Runnable: Send + 'static {
    /// The name in logs and errors; unique within the manager.
    fn name(&self) -> &str;

    /// When it starts and stops.
    fn group(&self) -> Group {
        Group::Leader
    }

    /// Whether leader work already starts before this process leads, to be ready when it does, and waits by itself for
    /// `context.leadership` before it changes anything. Controllers do, and fill their caches meanwhile.
    fn stands_by(&self) -> bool {
        false
    }

    /// What of it may be configured from outside of the code, as the code has it. Controllers answer; whoever wraps
    /// one hands the answer through, and [`configure`](Self::configure).
    fn settings(&self) -> Option<ControllerSettings> {
        None
    }

    /// Takes these settings in place of those that the code has. Called before the run, if at all.
    fn configure(&mut self, settings: ControllerSettings) {
        let _ = settings;
    }

    /// Runs until the work is over or `context.shutdown` is requested.
    ///
    /// An error stops the whole manager; returning `Ok` does not. After the word to stop there is a grace
    /// period; then the future is dropped.
    fn run(self: Box<Self>, context: RunContext) -> BoxFuture<'static, Result<(), BoxError>>;
}

/// A [`Runnable`] made of a name and an async closure.
pub struct Task {
    name: String,
    group: Group,
    run: Box<dyn FnOnce(RunContext) -> BoxFuture<'static, Result<(), BoxError>> + Send>,
}

impl Task {
    /// Runs `run` with the manager's context.
    pub fn new<F, R, E>(name: impl Into<String>, run: F) -> Self
    where
        F: FnOnce(RunContext) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let run = move |context| run(context).map(|result| result.map_err(Into::into)).boxed();
        Self { name: name.into(), group: Group::default(), run: Box::new(run) }
    }

    /// The same task in another group.
    #[must_use]
    pub fn in_group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }
}

impl Runnable for Task {
    fn name(&self) -> &str {
        &self.name
    }

    fn group(&self) -> Group {
        self.group
    }

    fn run(self: Box<Self>, context: RunContext) -> BoxFuture<'static, Result<(), BoxError>> {
        (self.run)(context)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Task").field("name", &self.name).finish_non_exhaustive()
    }
}
