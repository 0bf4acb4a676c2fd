//! The facts of a Pod.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{items, number, text, time};

/// A reason with its message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// A CamelCase word.
    pub reason: Option<String>,
    /// One sentence.
    pub message: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerEnd {
    /// Its exit code.
    pub exit_code: i64,
    /// Why, as `Completed`, `Error` or `OOMKilled`.
    pub cause: Cause,
    /// When it had started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// One main container: not an init container, not a sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Whether it runs now.
    pub running: bool,
    /// Since when it runs.
    pub running_since: Option<Timestamp>,
    /// Why it waits.
    pub waiting: Option<Cause>,
    /// How it ended.
    pub ended: Option<ContainerEnd>,
    /// How it ended the time before.
    pub ended_before: Option<ContainerEnd>,
}

/// What a Pod says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodFacts {
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deletion_requested_at: Option<Timestamp>,
    /// Whether its deletion or its absence was observed.
    pub gone: bool,
    /// `status.phase`.
    pub phase: String,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// When the condition `PodScheduled` became true.
    pub scheduled_at: Option<Timestamp>,
    /// Why the scheduler has not placed it.
    pub unscheduled: Option<Cause>,
    /// `status.reason` and `status.message`, as of an evicted pod.
    pub cause: Cause,
    /// Its completion index.
    pub completion_index: Option<i64>,
    /// Restarts of all its containers.
    pub restarts: i64,
    /// Why an init container waits or how it failed.
    pub init_cause: Option<Cause>,
    /// The main containers.
    pub containers: Vec<ContainerFacts>,
}

impl PodFacts {
    /// Reads the facts of a Pod.
    #[must_use]
    pub fn of(pod: &Value) -> Self {
        let scheduled = items(pod, "/status/conditions")
            .find(|condition| text(condition, "/type").as_deref() == Some("PodScheduled"));
        let holds = scheduled.and_then(|condition| text(condition, "/status")).as_deref() == Some("True");
        let statuses = || items(pod, "/status/containerStatuses");
        Self {
            created_at: time(pod, "/metadata/creationTimestamp"),
            deletion_requested_at: time(pod, "/metadata/deletionTimestamp"),
            gone: false,
            phase: text(pod, "/status/phase").unwrap_or_else(|| "Pending".to_owned()),
            node: text(pod, "/spec/nodeName"),
            scheduled_at: scheduled.filter(|_| holds).and_then(|found| time(found, "/lastTransitionTime")),
            unscheduled: scheduled.filter(|_| !holds).map(cause),
            cause: Cause { reason: text(pod, "/status/reason"), message: text(pod, "/status/message") },
            completion_index: completion_index(pod),
            restarts: statuses().filter_map(|status| number(status, "/restartCount")).sum(),
            init_cause: items(pod, "/status/initContainerStatuses").find_map(init_cause),
            containers: statuses().map(ContainerFacts::of).collect(),
        }
    }

    /// Whether it has ended by its own phase.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether it is there and has not ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.gone && !self.is_finished()
    }

    /// Whether it is bound to a node.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.node.is_some() || self.scheduled_at.is_some()
    }

    /// Whether a scheduling gate keeps it from the scheduler.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        let reason = self.unscheduled.as_ref().and_then(|cause| cause.reason.as_deref());
        reason == Some("SchedulingGated")
    }

    /// Whether a main container runs now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let silent = self.containers.is_empty() && self.phase == "Running";
        self.is_live() && (silent || self.containers.iter().any(|container| container.running))
    }

    /// Whether a main container runs or ever ran.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.is_running() || self.started_at().is_some() || self.phase == "Succeeded"
    }

    /// When its first main container started, as far as its status still says.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        let starts = |container: &ContainerFacts| {
            let ended = container.ends().filter_map(|end| end.started_at).min();
            [container.running_since, ended].into_iter().flatten().min()
        };
        self.containers.iter().filter_map(starts).min()
    }

    /// When its last main container ended; `None` while one may still run.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        let ends = |container: &ContainerFacts| container.ended.as_ref().and_then(|end| end.finished_at);
        if self.is_live() { None } else { self.containers.iter().filter_map(ends).max() }
    }

    /// How its main container ended: of several the one that failed last, else the one that ended last.
    #[must_use]
    pub fn end(&self) -> Option<&ContainerEnd> {
        self.containers
            .iter()
            .flat_map(ContainerFacts::ends)
            .max_by_key(|end| (end.exit_code != 0, end.finished_at))
    }

    /// What tells most about why it is as it is.
    #[must_use]
    pub fn worst_cause(&self) -> Cause {
        let waiting = self.containers.iter().filter_map(|container| container.waiting.as_ref());
        let waiting = waiting.max_by_key(|cause| is_trouble(cause));
        let said = |cause: &&Cause| cause.reason.is_some();
        let live = self.is_live();
        let candidates = [
            Some(&self.cause).filter(said),
            waiting.filter(|cause| live && is_trouble(cause)),
            self.init_cause.as_ref().filter(|_| live),
            self.end().map(|end| &end.cause).filter(|_| !live),
            waiting.filter(|_| live),
            self.unscheduled.as_ref().filter(|_| live && !self.is_bound()),
        ];
        candidates.into_iter().flatten().next().cloned().unwrap_or_default()
    }

    /// Whether it is live but held up by more than the usual preparations.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        self.is_live() && !self.is_running() && is_trouble(&self.worst_cause())
    }
}

/// Whether a waiting reason is anything but the usual preparations.
fn is_trouble(cause: &Cause) -> bool {
    !matches!(cause.reason.as_deref(), None | Some("ContainerCreating" | "PodInitializing"))
}

impl ContainerFacts {
    fn of(status: &Value) -> Self {
        let end = |pointer| status.pointer(pointer).filter(|end| end.is_object()).map(ContainerEnd::of);
        Self {
            running: status.pointer("/state/running").is_some_and(Value::is_object),
            running_since: time(status, "/state/running/startedAt"),
            waiting: status.pointer("/state/waiting").filter(|waiting| waiting.is_object()).map(cause),
            ended: end("/state/terminated"),
            ended_before: end("/lastState/terminated"),
        }
    }

    fn ends(&self) -> impl Iterator<Item = &ContainerEnd> {
        self.ended.iter().chain(&self.ended_before)
    }
}

impl ContainerEnd {
    fn of(end: &Value) -> Self {
        Self {
            exit_code: number(end, "/exitCode").unwrap_or(0),
            cause: cause(end),
            started_at: time(end, "/startedAt"),
            finished_at: time(end, "/finishedAt"),
        }
    }
}

fn cause(value: &Value) -> Cause {
    Cause { reason: text(value, "/reason"), message: text(value, "/message") }
}

fn init_cause(status: &Value) -> Option<Cause> {
    let waiting = status.pointer("/state/waiting").filter(|waiting| waiting.is_object()).map(cause);
    let failed = status.pointer("/state/terminated").filter(|end| number(end, "/exitCode").unwrap_or(0) != 0);
    waiting.filter(is_trouble).or_else(|| failed.map(cause))
}

fn completion_index(pod: &Value) -> Option<i64> {
    const NAME: &str = "batch.kubernetes.io~1job-completion-index";
    ["annotations", "labels"]
        .iter()
        .find_map(|place| text(pod, &format!("/metadata/{place}/{NAME}")))
        .and_then(|index| index.parse().ok())
}
