//! The next status of a pod on a node: from the pod, its script and the time. No I/O.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, HostIP, Pod, PodIP, PodSpec, PodStatus};

use super::containers::{Course, Outlook};
use super::init;
use super::report;
use super::script::Script;
use crate::hash::hash;
use crate::pace::{FineTimes, Pace, after, stamp, until};

/// What the kubelet looks at.
pub(crate) struct PodView<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) script: &'a Script,
    pub(crate) now: Timestamp,
    pub(crate) pace: Pace,
    pub(crate) times: &'a FineTimes,
    /// Failed pods of the same owner (and index) before this one.
    pub(crate) earlier_failures: u32,
    pub(crate) host_ip: &'a str,
}

/// What the kubelet does next.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The new status, where it differs.
    pub(crate) status: Option<PodStatus>,
    /// The pod has ended and was to be deleted: remove it without grace.
    pub(crate) delete: bool,
    pub(crate) wake_after: Option<Duration>,
    pub(crate) events: Vec<Note>,
}

/// An Event about the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) is_warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl PodView<'_> {
    pub(crate) fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The moment that a time stamp of the status means, for one container or (empty name) the pod.
    pub(crate) fn moment(&self, container: &str, what: &'static str, coarse: Timestamp) -> Timestamp {
        let id = format!("{}/{container}", self.uid());
        self.times.resolve(&id, what, coarse, self.now)
    }

    fn grace(&self) -> Duration {
        let spec = self.pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
        let asked = self.pod.metadata.deletion_grace_period_seconds;
        Duration::from_secs(asked.or(spec).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(30))
    }
}

/// Decides the next step for a pod that is bound to a node.
pub(crate) fn advance(view: &PodView<'_>) -> Step {
    let Some(spec) = view.pod.spec.as_ref() else { return Step::default() };
    let status = view.pod.status.clone().unwrap_or_default();
    let is_deleting = view.pod.metadata.deletion_timestamp.is_some();
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        let delete = is_deleting && view.pod.metadata.deletion_grace_period_seconds != Some(0);
        return Step { delete, ..Step::default() };
    }
    match status.start_time.clone() {
        _ if is_deleting => stop(view, spec, status),
        None => accept(view, spec, status),
        Some(start) => go_on(view, spec, &status, view.moment("", "start", start.0)),
    }
}

fn accept(view: &PodView<'_>, spec: &PodSpec, mut status: PodStatus) -> Step {
    let address = hash(view.uid().as_bytes());
    let ip = format!("10.244.{}.{}", (address >> 8) & 0xFF, 1 + (address & 0xFF) % 254);
    status.start_time = Some(stamp(view.now));
    status.host_ip = Some(view.host_ip.to_owned());
    status.host_ips = Some(vec![HostIP { ip: view.host_ip.to_owned() }]);
    status.pod_ip = Some(ip.clone());
    status.pod_ips = Some(vec![PodIP { ip }]);
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    let reason = if inits.is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let fresh = |containers: &[Container], reason: &str| {
        containers.iter().map(|container| report::fresh(container, reason)).collect::<Vec<_>>()
    };
    status.container_statuses = Some(fresh(&spec.containers, reason));
    status.init_container_statuses = (!inits.is_empty()).then(|| fresh(inits, "PodInitializing"));
    report::acknowledge(&mut status, view.now);
    report::summarise(&mut status, "Pending", view.now);
    let problems = view.script.problems.iter();
    let mut events: Vec<Note> = problems
        .map(|problem| Note { is_warning: true, reason: "InvalidAnnotation", message: problem.clone() })
        .collect();
    let images = spec.containers.iter().filter_map(|container| container.image.as_deref());
    events.extend(images.map(|image| Note {
        is_warning: false,
        reason: "Pulling",
        message: format!("Pulling image \"{image}\""),
    }));
    let _ = view.moment("", "start", stamp(view.now).0);
    let wake_after = Some(view.pace.real(view.script.pull));
    Step { status: Some(status), wake_after, events, ..Step::default() }
}

fn go_on(view: &PodView<'_>, spec: &PodSpec, before: &PodStatus, start: Timestamp) -> Step {
    let mut status = before.clone();
    let pulled = after(start, view.pace.real(view.script.pull));
    let ready = init::advance(view, spec, &mut status, pulled);
    let mut outlook = Outlook::default();
    let statuses = status.container_statuses.get_or_insert_with(Vec::new);
    for container in &spec.containers {
        let position = statuses.iter().position(|status| status.name == container.name);
        let position = position.unwrap_or_else(|| {
            statuses.push(report::fresh(container, "ContainerCreating"));
            statuses.len() - 1
        });
        Course { view, spec, container, ready: ready.begin }.advance(&mut statuses[position], &mut outlook);
    }
    let deadline = spec.active_deadline_seconds;
    let deadline = deadline.map(|seconds| after(start, view.pace.real_seconds(seconds)));
    let mut phase = outlook.phase();
    if phase != "Succeeded" && deadline.is_some_and(|deadline| view.now >= deadline) {
        phase = "Failed";
        status.reason = Some("DeadlineExceeded".to_owned());
        status.message = Some("Pod was active on the node longer than the specified deadline".to_owned());
        kill(view, status.container_statuses.as_deref_mut().unwrap_or_default(), 143);
    }
    if matches!(phase, "Succeeded" | "Failed") {
        init::finish(view, spec, &mut status);
    }
    report::summarise(&mut status, phase, view.now);
    let wakes = [outlook.wake_at, ready.wake_at, deadline.filter(|_| phase != "Failed")];
    let wake_at = wakes.into_iter().flatten().filter(|moment| *moment > view.now).min();
    Step {
        status: (status != *before).then_some(status),
        delete: false,
        wake_after: wake_at.map(|moment| until(moment, view.now)),
        events: outlook.events,
    }
}

/// A pod that is to be deleted: its containers end by themselves within the grace period or are killed at its end.
fn stop(view: &PodView<'_>, spec: &PodSpec, mut status: PodStatus) -> Step {
    let (grace, wish) = (view.grace(), view.script.stop);
    let deadline = view.pod.metadata.deletion_timestamp.as_ref().map_or(view.now, |time| time.0);
    let asked = deadline.checked_sub(grace).unwrap_or(deadline);
    let begin = view.moment("", "deletion", asked);
    let (length, code) = if wish <= grace && !grace.is_zero() { (wish, 143) } else { (grace, 137) };
    let end = after(begin, view.pace.real(length));
    let statuses = status.container_statuses.as_deref_mut().unwrap_or_default();
    let is_running = statuses.iter().any(is_running);
    if is_running && view.now < end {
        return Step { wake_after: Some(until(end, view.now)), ..Step::default() };
    }
    kill(view, statuses, code);
    let all_well = !statuses.is_empty()
        && statuses.iter().all(|status| {
            let end = status.state.as_ref().and_then(|state| state.terminated.as_ref());
            end.is_some_and(|end| end.exit_code == 0)
        });
    init::finish(view, spec, &mut status);
    report::summarise(&mut status, if all_well { "Succeeded" } else { "Failed" }, view.now);
    let message =
        spec.containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ");
    let note =
        Note { is_warning: false, reason: "Killing", message: format!("Stopping container {message}") };
    let events = if is_running { vec![note] } else { Vec::new() };
    Step { status: Some(status), events, ..Step::default() }
}

fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn kill(view: &PodView<'_>, statuses: &mut [ContainerStatus], exit_code: i32) {
    for status in statuses.iter_mut().filter(|status| is_running(status)) {
        let started = status.state.as_ref().and_then(|state| state.running.as_ref()?.started_at.clone());
        let run = super::script::Run { length: None, exit_code, reason: "Error".to_owned() };
        let began = started.map_or(view.now, |time| time.0);
        let state = report::terminated(&run, began, view.now, status.container_id.clone());
        report::end(status, state);
    }
}
