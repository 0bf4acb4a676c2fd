//! Init containers: one after the other, each as long as its command says; they always succeed. Those with restart
//! policy Always (sidecars) start in their turn and run until the pod ends.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec, PodStatus};
use std::time::Duration;

use super::command;
use super::lifecycle::PodView;
use super::report;
use super::script::Run;
use crate::pace::after;

/// When the main containers may begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// `None` while an init container runs.
    pub(crate) begin: Option<Timestamp>,
    pub(crate) wake_at: Option<Timestamp>,
}

/// Brings the init containers up to date; they begin at `pulled`.
pub(crate) fn advance(
    view: &PodView<'_>,
    spec: &PodSpec,
    status: &mut PodStatus,
    pulled: Timestamp,
) -> Ready {
    let containers = spec.init_containers.as_deref().unwrap_or_default();
    let statuses = status.init_container_statuses.get_or_insert_with(Vec::new);
    let mut begin = pulled;
    for container in containers {
        let Some(status) = statuses.iter_mut().find(|status| status.name == container.name) else { continue };
        let end = after(begin, view.pace.real(length(container)));
        if view.now < begin || view.script.image_error.is_some() {
            return Ready { begin: view.script.image_error.is_some().then_some(begin), wake_at: Some(begin) };
        }
        if status.started != Some(true)
            && status.state.as_ref().is_none_or(|state| state.terminated.is_none())
        {
            report::start(status, view.pod, begin);
        }
        if !is_sidecar(container) {
            if view.now < end {
                return Ready { begin: None, wake_at: Some(end) };
            }
            complete(status, end);
        }
        begin = end;
    }
    if statuses.is_empty() {
        status.init_container_statuses = None;
    }
    Ready { begin: Some(begin), wake_at: None }
}

/// Ends the sidecars with their pod.
pub(crate) fn finish(view: &PodView<'_>, spec: &PodSpec, status: &mut PodStatus) {
    let sidecars = spec.init_containers.as_deref().unwrap_or_default();
    for sidecar in sidecars.iter().filter(|container| is_sidecar(container)) {
        let statuses = status.init_container_statuses.iter_mut().flatten();
        for status in statuses.filter(|status| status.name == sidecar.name && status.started == Some(true)) {
            complete(status, view.now);
        }
    }
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn length(container: &Container) -> Duration {
    let words = [container.command.as_deref(), container.args.as_deref()];
    let words: Vec<String> = words.into_iter().flatten().flatten().cloned().collect();
    let reading = command::read(&words);
    match reading.run {
        _ if is_sidecar(container) => Duration::ZERO,
        Some(run) if reading.is_complete => run,
        _ => Duration::from_secs(1),
    }
}

fn complete(status: &mut ContainerStatus, end: Timestamp) {
    let running = status.state.as_ref().and_then(|state| state.running.as_ref());
    let Some(running) = running else { return };
    let began = running.started_at.as_ref().map_or(end, |time| time.0);
    let run = Run { length: None, exit_code: 0, reason: "Completed".to_owned() };
    let state = report::terminated(&run, began, end, status.container_id.clone());
    report::end(status, state);
    status.ready = true;
}
