//! The course of one container: created, running, ended, started again.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStatus, PodSpec};

use super::lifecycle::{Note, PodView};
use super::report;
use crate::pace::after;

const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
/// What a first restart takes; later ones back off.
const RESTART: Duration = Duration::from_secs(1);

/// One container and the moment from which it may start.
pub(crate) struct Course<'a> {
    pub(crate) view: &'a PodView<'a>,
    pub(crate) spec: &'a PodSpec,
    pub(crate) container: &'a Container,
    /// Image pulled and init containers done; `None` while they are not.
    pub(crate) ready: Option<Timestamp>,
}

/// What the containers together say about the pod.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) events: Vec<Note>,
    has_started: bool,
    goes_on: bool,
    has_failed: bool,
}

impl Outlook {
    /// The pod's phase.
    pub(crate) fn phase(&self) -> &'static str {
        match self {
            Self { goes_on: true, has_started: true, .. } => "Running",
            Self { goes_on: true, .. } => "Pending",
            Self { has_failed: true, .. } => "Failed",
            _ => "Succeeded",
        }
    }

    fn wake(&mut self, moment: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(moment, |wake| wake.min(moment)));
    }

    fn note(&mut self, is_warning: bool, reason: &'static str, message: String) {
        self.events.push(Note { is_warning, reason, message });
    }
}

impl Course<'_> {
    /// Brings the container's status up to date and adds what it means to the outlook.
    pub(crate) fn advance(&self, status: &mut ContainerStatus, outlook: &mut Outlook) {
        let state = status.state.clone().unwrap_or_default();
        if let Some(running) = &state.running {
            self.end_in_time(status, running.started_at.as_ref().map(|time| time.0), outlook);
        } else if let Some(ended) = &state.terminated {
            if self.restarts(ended.exit_code) {
                self.restart_in_time(status, state, RESTART, outlook);
            }
        } else if let Some(last) = status.last_state.clone().filter(|last| last.terminated.is_some()) {
            self.restart_in_time(status, last, backoff(status.restart_count), outlook);
        } else {
            self.begin_in_time(status, outlook);
        }
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        // A server may answer an empty state where there was none.
        let has_ended_before = status.last_state.as_ref().is_some_and(|last| last.terminated.is_some());
        let has_run = ended.is_some() || has_ended_before || status.started == Some(true);
        outlook.has_started |= has_run;
        match ended {
            Some(ended) if !self.restarts(ended.exit_code) => outlook.has_failed |= ended.exit_code != 0,
            _ => outlook.goes_on = true,
        }
    }

    fn restarts(&self, exit_code: i32) -> bool {
        match self.spec.restart_policy.as_deref() {
            Some("Never") => false,
            Some("OnFailure") => exit_code != 0,
            _ => true,
        }
    }

    fn image(&self) -> &str {
        self.container.image.as_deref().unwrap_or_default()
    }

    fn begin_in_time(&self, status: &mut ContainerStatus, outlook: &mut Outlook) {
        let Some(ready) = self.ready else { return };
        if self.view.now < ready {
            return outlook.wake(ready);
        }
        let Some(error) = &self.view.script.image_error else {
            outlook.note(false, "Pulled", format!("Successfully pulled image \"{}\"", self.image()));
            return self.start(status, outlook);
        };
        let image = self.image();
        let give_up = after(ready, self.view.pace.real(Duration::from_secs(2)));
        let (reason, message) = if self.view.now < give_up {
            outlook.wake(give_up);
            let cause = if error == "true" { "not found" } else { error };
            ("ErrImagePull", format!("failed to pull and unpack image \"{image}\": {cause}"))
        } else {
            ("ImagePullBackOff", format!("Back-off pulling image \"{image}\""))
        };
        let state = report::waiting(reason, Some(message.clone()));
        if status.state.as_ref() != Some(&state) {
            outlook.note(true, if reason == "ErrImagePull" { "Failed" } else { "BackOff" }, message);
            report::end(status, state);
        }
    }

    fn start(&self, status: &mut ContainerStatus, outlook: &mut Outlook) {
        report::start(status, self.view.pod, self.view.now);
        outlook.note(false, "Created", format!("Created container: {}", self.container.name));
        outlook.note(false, "Started", format!("Started container {}", self.container.name));
        self.end_in_time(status, Some(crate::pace::stamp(self.view.now).0), outlook);
    }

    fn end_in_time(&self, status: &mut ContainerStatus, started: Option<Timestamp>, outlook: &mut Outlook) {
        let now = self.view.now;
        let coarse = started.unwrap_or(now);
        let began = self.view.moment(&self.container.name, "start", coarse);
        let restarts = u32::try_from(status.restart_count).unwrap_or(0);
        let run = self.view.script.run(self.container, self.view.earlier_failures + restarts);
        let Some(length) = run.length else { return };
        // A container that ends at once is still seen running: its end comes with the next look.
        let end = after(began, self.view.pace.real(length.max(Duration::from_millis(10))));
        if now < end {
            return outlook.wake(end);
        }
        let state = report::terminated(&run, coarse, now, status.container_id.clone());
        if self.restarts(run.exit_code) && status.restart_count > 0 {
            let pause = backoff(status.restart_count).as_secs();
            let message = format!("back-off {pause}s restarting failed container={}", self.container.name);
            outlook.note(true, "BackOff", message.clone());
            report::end(status, report::waiting("CrashLoopBackOff", Some(message)));
            self.restart_in_time(status, state, backoff(status.restart_count), outlook);
        } else {
            report::end(status, state.clone());
            if self.restarts(run.exit_code) {
                self.restart_in_time(status, state, RESTART, outlook);
            }
        }
    }

    /// Starts the container again when `pause` has passed since the run that `ended` describes.
    fn restart_in_time(
        &self,
        status: &mut ContainerStatus,
        ended: ContainerState,
        pause: Duration,
        outlook: &mut Outlook,
    ) {
        let finish = ended.terminated.as_ref().and_then(|ended| ended.finished_at.as_ref());
        let coarse = finish.map_or(self.view.now, |time| time.0);
        let finish = self.view.moment(&self.container.name, "finish", coarse);
        let again = after(finish, self.view.pace.real(pause));
        let is_backing_off = status.state.as_ref().is_some_and(|state| state.waiting.is_some());
        if is_backing_off {
            status.last_state = Some(ended.clone());
        }
        if self.view.now < again {
            return outlook.wake(again);
        }
        status.last_state = Some(ended);
        status.restart_count += 1;
        self.start(status, outlook);
    }
}

/// The simulated pause before the next restart: none at first, then 10 s, doubling, at most five minutes.
fn backoff(restarts: i32) -> Duration {
    let Some(doublings) = u32::try_from(restarts).ok().and_then(|restarts| restarts.checked_sub(1)) else {
        return RESTART;
    };
    let factor = 2_u32.checked_pow(doublings);
    factor
        .and_then(|factor| FIRST_BACKOFF.checked_mul(factor))
        .unwrap_or(LONGEST_BACKOFF)
        .min(LONGEST_BACKOFF)
}
