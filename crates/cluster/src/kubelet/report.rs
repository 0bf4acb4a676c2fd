//! The status of a pod, as a kubelet writes it: states, conditions and phase.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, Pod, PodCondition, PodStatus,
};

use super::script::Run;
use crate::hash::hash;
use crate::pace::stamp;

pub(crate) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

pub(crate) fn running(since: Timestamp) -> ContainerState {
    let running = ContainerStateRunning { started_at: Some(stamp(since)) };
    ContainerState { running: Some(running), ..ContainerState::default() }
}

pub(crate) fn terminated(
    run: &Run,
    started: Timestamp,
    finished: Timestamp,
    id: Option<String>,
) -> ContainerState {
    let terminated = ContainerStateTerminated {
        container_id: id,
        exit_code: run.exit_code,
        reason: Some(run.reason.clone()),
        started_at: Some(stamp(started)),
        finished_at: Some(stamp(finished)),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

/// The first status of a container: nothing has begun.
pub(crate) fn fresh(container: &Container, reason: &str) -> ContainerStatus {
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(waiting(reason, None)),
        started: Some(false),
        ..ContainerStatus::default()
    }
}

/// The status has entered the running state.
pub(crate) fn start(status: &mut ContainerStatus, pod: &Pod, now: Timestamp) {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let seed = format!("{uid}/{}/{}", status.name, status.restart_count);
    status.container_id = Some(format!("simulated://{:016x}", hash(seed.as_bytes())));
    status.image_id = format!("{}@simulated:{:016x}", status.image, hash(status.image.as_bytes()));
    status.state = Some(running(now));
    (status.ready, status.started) = (true, Some(true));
}

/// The status has left the running state.
pub(crate) fn end(status: &mut ContainerStatus, state: ContainerState) {
    status.state = Some(state);
    (status.ready, status.started) = (false, Some(false));
}

/// Phase and conditions that follow from the containers.
pub(crate) fn summarise(status: &mut PodStatus, phase: &str, now: Timestamp) {
    status.phase = Some(phase.to_owned());
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let unready: Vec<&str> = containers
        .iter()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    let cause = match phase {
        "Succeeded" => ("PodCompleted".to_owned(), None),
        "Failed" => ("PodFailed".to_owned(), None),
        _ => (
            "ContainersNotReady".to_owned(),
            Some(format!("containers with unready status: [{}]", unready.join(" "))),
        ),
    };
    let is_ready = phase == "Running" && unready.is_empty();
    let is_finished = matches!(phase, "Succeeded" | "Failed");
    let is_initialized = is_finished || initialized(status);
    set(status, "PodReadyToStartContainers", !is_finished, None, now);
    set(
        status,
        "Initialized",
        is_initialized,
        (!is_initialized).then(|| ("ContainersNotInitialized".into(), None)),
        now,
    );
    for kind in ["Ready", "ContainersReady"] {
        set(status, kind, is_ready, (!is_ready).then(|| cause.clone()), now);
    }
}

/// The pod has a node: whoever bound it may not have said so.
pub(crate) fn acknowledge(status: &mut PodStatus, now: Timestamp) {
    set(status, "PodScheduled", true, None, now);
}

fn initialized(status: &PodStatus) -> bool {
    let statuses = status.init_container_statuses.as_deref().unwrap_or_default();
    statuses.iter().all(|status| {
        status.state.as_ref().is_some_and(|state| state.terminated.is_some()) || status.started == Some(true)
    })
}

fn set(
    status: &mut PodStatus,
    kind: &str,
    value: bool,
    because: Option<(String, Option<String>)>,
    now: Timestamp,
) {
    let value = if value { "True" } else { "False" };
    let conditions = status.conditions.get_or_insert_with(Vec::new);
    let position = conditions.iter().position(|condition| condition.type_ == kind);
    let previous = position.map(|position| &conditions[position]);
    let unchanged = previous.filter(|condition| condition.status == value);
    let (reason, message) = because.map_or((None, None), |(reason, message)| (Some(reason), message));
    let condition = PodCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        last_transition_time: unchanged
            .and_then(|condition| condition.last_transition_time.clone())
            .or_else(|| Some(stamp(now))),
        reason,
        message,
        ..PodCondition::default()
    };
    match position {
        Some(position) => conditions[position] = condition,
        None => conditions.push(condition),
    }
}
