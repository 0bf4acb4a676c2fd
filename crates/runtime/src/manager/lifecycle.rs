//! Running things: start, notice the first failure, stop in order within the grace period.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use indexmap::IndexMap;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Group, RunContext, Runnable, Shutdown};
use crate::Error;

/// What runs. Dropping it ends everything at once.
pub(super) struct Lifecycle {
    context: RunContext,
    /// Leader work that starts when this process leads.
    waiting: Vec<Box<dyn Runnable>>,
    support: Crew,
    leader: Crew,
    ended: mpsc::UnboundedReceiver<Ended>,
    report: mpsc::UnboundedSender<Ended>,
    errors: Vec<Error>,
}

/// The runnables of one group that have not ended.
#[derive(Default)]
struct Crew {
    running: IndexMap<String, AbortOnDropHandle<()>>,
    shutdown: Shutdown,
}

struct Ended {
    group: Group,
    name: String,
    error: Option<Error>,
}

/// How long the drop of something that was cut off is waited for.
const CUT_OFF: Duration = Duration::from_secs(1);

impl Lifecycle {
    pub(super) fn new(context: RunContext) -> Self {
        let (report, ended) = mpsc::unbounded_channel();
        let (support, leader) = (Crew::default(), Crew::default());
        Self { context, waiting: Vec::new(), support, leader, ended, report, errors: Vec::new() }
    }

    /// Starts what does not need to lead: support first, then leader work that stands by.
    pub(super) fn start(&mut self, runnables: Vec<Box<dyn Runnable>>) {
        let (leaders, support): (Vec<_>, Vec<_>) =
            runnables.into_iter().partition(|runnable| runnable.group() == Group::Leader);
        // Without an election there is nothing to wait for: all start in the order in which they were added.
        let leads = self.context.leadership.is_leader();
        let (standing_by, waiting) = leaders.into_iter().partition(|runnable| leads || runnable.stands_by());
        self.waiting = waiting;
        for runnable in support.into_iter().chain(standing_by) {
            self.start_one(runnable);
        }
    }

    /// Starts one more, now or when this process leads.
    pub(super) fn add(&mut self, runnable: Box<dyn Runnable>, is_leading: bool) {
        if is_leading || runnable.group() == Group::Support || runnable.stands_by() {
            self.start_one(runnable);
        } else {
            self.waiting.push(runnable);
        }
    }

    /// Starts the rest: this process leads.
    pub(super) fn lead(&mut self) {
        for runnable in std::mem::take(&mut self.waiting) {
            self.start_one(runnable);
        }
    }

    fn start_one(&mut self, runnable: Box<dyn Runnable>) {
        let (group, name) = (runnable.group(), runnable.name().to_owned());
        let client = match group {
            Group::Support => self.context.client.clone(),
            Group::Leader => self.context.client.fenced(&self.context.leadership),
        };
        let shutdown = self.crew(group).shutdown.child();
        let context = RunContext { client, shutdown, ..self.context.clone() };
        let environment = context.environment.clone();
        let report = self.report.clone();
        let task = {
            let name = name.clone();
            async move {
                let run = AssertUnwindSafe(async { runnable.run(context).await }).catch_unwind();
                let error = match run.await {
                    Ok(Ok(())) => None,
                    Ok(Err(source)) => Some(Error::Failed { name: name.clone(), source }),
                    Err(panic) => Some(Error::Panicked { name: name.clone(), message: message(&*panic) }),
                };
                // Nobody listens any more when the manager was dropped.
                let _ = report.send(Ended { group, name, error });
            }
        };
        let handle = AbortOnDropHandle::new(environment.spawn("runnable", task));
        self.crew(group).running.insert(name, handle);
    }

    fn crew(&mut self, group: Group) -> &mut Crew {
        match group {
            Group::Support => &mut self.support,
            Group::Leader => &mut self.leader,
        }
    }

    /// Returns when something failed. Never returns otherwise; may be dropped and called again.
    pub(super) async fn failed(&mut self) {
        while self.errors.is_empty() {
            match self.ended.recv().await {
                Some(ended) => self.note(ended),
                None => std::future::pending().await,
            }
        }
    }

    fn note(&mut self, ended: Ended) {
        self.crew(ended.group).running.shift_remove(&ended.name);
        match ended.error {
            None => tracing::debug!(name = ended.name, "ended"),
            Some(error) => {
                tracing::error!(error = crate::controller::chain(&error), "a part of the manager failed");
                self.errors.push(error);
            }
        }
    }

    /// Stops the leader group, then the support group, all within `grace`; what is left is cut off (M3, M8). When the
    /// leadership is lost, leader work is cut off at once (M7).
    pub(super) async fn stop(mut self, grace: Duration) -> Vec<Error> {
        let deadline = Instant::now().checked_add(grace);
        self.waiting.clear();
        let mut names = Vec::new();
        for group in [Group::Leader, Group::Support] {
            self.crew(group).shutdown.request();
            names.extend(self.drain(group, deadline).await);
        }
        if !names.is_empty() {
            self.errors.push(Error::NotStopped { names, grace });
        }
        self.errors
    }

    /// Waits for the end of a group; the names of those that had to be cut off.
    async fn drain(&mut self, group: Group, deadline: Option<Instant>) -> Vec<String> {
        let leadership = self.context.leadership.clone();
        let mut cut_off = pin!(async {
            let late = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = late => {}
                _ = leadership.ended(), if group == Group::Leader => {}
            }
        });
        while !self.crew(group).running.is_empty() {
            tokio::select! {
                biased;
                ended = self.ended.recv() => match ended {
                    Some(ended) => self.note(ended),
                    None => break,
                },
                () = &mut cut_off => break,
            }
        }
        let left = std::mem::take(&mut self.crew(group).running);
        let mut names = Vec::new();
        left.values().for_each(AbortOnDropHandle::abort);
        for (name, handle) in left {
            // Its future is dropped when it next yields; a task that never does cannot be waited for.
            let _ = tokio::time::timeout(CUT_OFF, handle).await;
            names.push(name);
        }
        names
    }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(|text| &**text)).unwrap_or("no message").to_owned()
}
