//! The state machine.

use std::collections::VecDeque;
use std::time::Duration;

use pilothouse_machinery::{Environment, ResourceType, ResourceVersion, Status};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::list::{ListFrom, Listing, Page};
use super::status::retry_after;
use super::watch::Watching;
use super::wire::Wire;
use super::{ListCause, ReflectorEvent, ReflectorMetrics, ReflectorOptions};
use crate::cache::{InformerTrouble, Intake};
use crate::client::{Client, ClientError, status_reason};
use crate::patience::after;

/// No server may make a reflector wait longer.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// Lists and watches the selected objects of one type.
pub(crate) struct Reflector {
    pub(super) client: Client,
    pub(super) resource: ResourceType,
    pub(super) options: ReflectorOptions,
    pub(super) metrics: ReflectorMetrics,
    /// Makes objects of bytes.
    pub(super) intake: Intake,
    pub(super) state: State,
    /// The last version seen, by list, event or bookmark.
    pub(super) last: ResourceVersion,
    /// Whether the last list could not show what is gone: the next watch begins with another one.
    pub(super) owes_list: bool,
    /// Whether the server answered a list from "any state" in pages: its watch cache is off, so paging stays (R9).
    pub(super) pages_always: bool,
    /// Since when the watch has reported internal errors without success in between.
    pub(super) internal_errors: Option<InternalErrors>,
    /// Which form of objects is asked for.
    pub(super) wire: Wire,
    /// Whether lists are read as streams: asked for, and not found out to be beyond the server.
    pub(super) streaming: bool,
    pub(super) ready: VecDeque<ReflectorEvent>,
    backoff: Backoff,
    not_before: Option<Instant>,
}

/// A series of internal errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct InternalErrors {
    first: Instant,
    latest: Instant,
}

/// What the next step is.
pub(super) enum State {
    /// Begin a list, or ask for its next page.
    List(Listing),
    /// Read from the page.
    Page(Box<Page>),
    /// Open a watch at the last version.
    Open,
    /// Read from the watch.
    Watch(Box<Watching>),
}

impl Reflector {
    pub(crate) fn new(
        client: Client,
        resource: ResourceType,
        options: ReflectorOptions,
        metrics: ReflectorMetrics,
    ) -> Self {
        let resumed = options.resume_from.clone().filter(|version| !version.is_zero());
        let from = if options.newest { ListFrom::Newest } else { ListFrom::Any };
        Self {
            state: if resumed.is_some() {
                State::Open
            } else {
                State::List(Listing::new(from, ListCause::Initial, "Initial"))
            },
            wire: Wire::new(&resource, &options),
            streaming: options.streaming_list,
            client,
            intake: Intake::new(&resource),
            resource,
            options,
            metrics,
            last: resumed.unwrap_or_default(),
            owes_list: false,
            pages_always: false,
            internal_errors: None,
            ready: VecDeque::new(),
            backoff: Backoff::new(),
            not_before: None,
        }
    }

    /// The same, with another way of taking objects in.
    pub(crate) fn with_intake(self, intake: Intake) -> Self {
        Self { intake, ..self }
    }

    pub(super) fn environment(&self) -> &Environment {
        self.client.environment()
    }

    /// The next thing that list and watch bring.
    ///
    /// Never fails: failures are logged, counted and answered by waiting, watching again or listing again.
    ///
    /// **Cancellation.** Dropping the future loses nothing that the server sent; only a request whose answer has not
    /// begun is sent again. Dropping the reflector ends its request.
    pub(crate) async fn next(&mut self) -> ReflectorEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            if let Some(until) = self.not_before {
                self.metrics.due_at(until);
                tokio::time::sleep_until(until).await;
                self.not_before = None;
            }
            self.metrics.due_at(self.end_of_step());
            match &self.state {
                State::List(_) => self.list().await,
                State::Page(_) => self.read_page().await,
                State::Open => self.open_watch().await,
                State::Watch(_) => self.read_watch().await,
            }
        }
    }

    /// When the step that begins is over at the latest: a request has so much time for its head and so much for each
    /// piece of its body, a watch is over when it was to be.
    fn end_of_step(&self) -> Instant {
        match &self.state {
            State::Watch(watch) => watch.deadline(),
            State::List(_) | State::Page(_) | State::Open => {
                let longest = self.client.options().request_timeout.saturating_mul(2);
                after(self.environment().monotonic(), longest)
            }
        }
    }

    /// The server refused what was asked for.
    pub(super) fn refused(&mut self, verb: &'static str, status: &Status) {
        self.metrics.trouble(InformerTrouble::refused(verb, &self.resource, &self.options.selection, status));
        self.pause(status_reason(&status.reason), retry_after(status));
    }

    /// As [`refused`](Self::refused), where there is another way to go on at once.
    pub(super) fn denied(&mut self, verb: &'static str, status: &Status) {
        self.metrics.trouble(InformerTrouble::refused(verb, &self.resource, &self.options.selection, status));
        self.metrics.failure(status_reason(&status.reason));
    }

    /// There was no answer.
    pub(super) fn unanswered(&mut self, verb: &'static str, error: &ClientError) {
        let selection = &self.options.selection;
        self.metrics.trouble(InformerTrouble::unanswered(verb, &self.resource, selection, error));
        self.pause(error.reason(), None);
    }

    /// Waits before the next step: as the backoff says, or longer when the server asks for it.
    pub(super) fn pause(&mut self, reason: &'static str, asked: Option<Duration>) {
        self.metrics.failure(reason);
        let environment = self.client.environment();
        let pause = self.backoff.pause(environment).max(asked.unwrap_or_default().min(LONGEST_WAIT));
        tracing::debug!(resource = %self.resource, reason, ?pause, "list or watch pauses");
        self.not_before = Some(environment.monotonic() + pause);
    }

    /// Lists again: from a state no older than the last seen first, which the server's cache can serve (R4).
    pub(super) fn relist(&mut self, cause: ListCause, reason: &'static str) {
        let from = if self.options.newest || self.last.is_zero() {
            ListFrom::Newest
        } else {
            ListFrom::NotOlderThan(self.last.clone())
        };
        self.state = State::List(Listing::new(from, cause, reason));
    }

    /// Whether internal errors have gone on for longer than the window, counting this one. The window starts
    /// anew after a minute without any (R7).
    pub(super) fn internal_errors_persist(&mut self) -> bool {
        let now = self.environment().monotonic();
        let window = self.options.internal_error_window;
        let first = match self.internal_errors {
            Some(errors) if now.duration_since(errors.latest) <= Duration::from_mins(1) => errors.first,
            _ => now,
        };
        self.internal_errors = Some(InternalErrors { first, latest: now });
        now.duration_since(first) > window
    }
}
