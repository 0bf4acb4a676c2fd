//! Watches: opening them, and what their end means.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderValue, Method, header};
use http_body_util::BodyExt;
use kube::client::Body;
use pilothouse_machinery::framing::{FramingError, WatchEventType, WatchFrame};
use pilothouse_machinery::{ResourceType, ResourceVersion, Status, StatusReason};
use serde::Deserialize;
use tokio::time::Instant;

use super::batch::Batch;
use super::machine::State;
use super::status::{Failure, is_too_large};
use super::stream::InitialState;
use super::take::{Taken, take_in};
use super::wire::{EventSplitter, encoding_of};
use super::{ListCause, Reflector, ReflectorEvent, WatchEvent};
use crate::cache::Encoding;
use crate::client::{Query, bare, failure_of, is_success, status_reason};
use crate::patience::Patience;

/// A watch that ends sooner, without an event, is a failure (R20).
const SHORT: Duration = Duration::from_secs(1);

/// An open watch.
pub(super) struct Watching {
    body: Body,
    splitter: EventSplitter,
    /// Room for the events of a chunk.
    frames: Vec<WatchFrame>,
    opened: Instant,
    /// When the client ends the watch, because the server should have.
    deadline: Instant,
    patience: Patience,
    events: u64,
    /// From "any state": the events that build it up come in no order, so they are no positions (R16).
    unordered: bool,
    /// The state that the watch begins with, until that has come in full.
    pub(super) initial: Option<InitialState>,
}

impl Watching {
    /// How objects are written.
    pub(super) fn encoding(&self) -> Encoding {
        self.splitter.encoding()
    }

    /// When the watch is over at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The state has come in full: from here on the watch tells changes.
    pub(super) fn state_ended(&mut self) {
        self.initial = None;
        self.unordered = false;
        self.events += 1;
    }
}

/// What a bookmark says.
pub(super) struct Bookmark {
    pub(super) version: ResourceVersion,
    /// Whether it marks the end of the initial state.
    pub(super) ends_state: bool,
}

#[derive(Deserialize)]
struct BookmarkObject {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
    #[serde(default)]
    annotations: Option<BookmarkAnnotations>,
}

#[derive(Deserialize)]
struct BookmarkAnnotations {
    #[serde(rename = "k8s.io/initial-events-end", default)]
    initial_events_end: Option<String>,
}

impl Bookmark {
    /// Reads a bookmark; nothing, and a log line, when it says no version.
    pub(super) fn read(frame: &WatchFrame, resource: &ResourceType) -> Option<Self> {
        match serde_json::from_slice::<BookmarkObject>(&frame.object) {
            Ok(BookmarkObject { metadata }) => Some(Self {
                version: ResourceVersion::parse(&metadata.resource_version),
                ends_state: metadata
                    .annotations
                    .is_some_and(|annotations| annotations.initial_events_end.as_deref() == Some("true")),
            }),
            Err(error) => {
                tracing::warn!(%resource, %error, "skip an unreadable bookmark");
                None
            }
        }
    }
}

/// Why a watch was refused or failed, in a word for metrics.
fn why(status: &Status) -> &'static str {
    match status {
        // Servers say that the history is gone in several words.
        _ if status.is_expired() => "Expired",
        // The server is behind what was seen of it: another instance that has yet to catch up, or a restored one.
        _ if is_too_large(status) => "ResourceVersionTooLarge",
        _ => status_reason(&status.reason),
    }
}

impl Reflector {
    /// Opens a watch at the last version seen.
    pub(super) async fn open_watch(&mut self) {
        let mut query = Query::default();
        query.add("resourceVersion", &self.last.to_string());
        match self.ask_for_watch(query).await {
            Ok(watching) => {
                self.ready.push_back(ReflectorEvent::WatchOpened);
                self.state = State::Watch(watching);
            }
            Err(Failure::Refused(status)) => self.watch_refused(&status),
            // There was no answer. The position is still good: watch again from there, without a list (R6).
            Err(Failure::Failed(error)) => {
                self.unanswered("watch", &error);
            }
        }
    }

    /// Sends a watch request. A watch may be silent, its head may not: the server sends that before there is any
    /// event.
    pub(super) async fn ask_for_watch(&mut self, mut query: Query) -> Result<Box<Watching>, Failure> {
        let asked = self.environment().jittered(self.options.watch_timeout, 1.0);
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("timeoutSeconds", &asked.as_secs().to_string());
        let uri = self.options.selection.uri(&self.resource, &query)?;
        let mut request = bare("watch", Method::GET, &uri)?;
        // Compressed watches come in many small members, which clients decode badly.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request.headers_mut().insert(header::ACCEPT, self.wire.accept(true));
        let opened = self.environment().monotonic();
        let response = self.client.in_time("watch", self.client.send(request)).await??;
        if !is_success(&response) {
            let status = self.client.in_time("watch", failure_of(response)).await?;
            return Err(Failure::Refused(Box::new(status)));
        }
        self.metrics.watch();
        let deadline = opened + asked + self.options.watch_grace;
        Ok(Box::new(Watching {
            splitter: EventSplitter::new(encoding_of(&response), &self.resource),
            body: response.into_body(),
            frames: Vec::new(),
            opened,
            deadline,
            patience: Patience::new(deadline),
            events: 0,
            unordered: self.last.is_zero(),
            initial: None,
        }))
    }

    /// Reads what has come of the watch, and no more than a batch of it.
    pub(super) async fn read_watch(&mut self) {
        let State::Watch(watch) = &mut self.state else { return };
        let overdue = watch.initial.as_ref().map(InitialState::overdue);
        let until = overdue.map_or(watch.deadline, |overdue| overdue.min(watch.deadline));
        let Some(mut next) = watch.patience.wait(until, watch.body.frame()).await else {
            return self.silent();
        };
        if matches!(next, Some(Ok(_))) {
            self.metrics.heard(self.client.environment().monotonic());
        }
        let mut batch = Batch::default();
        loop {
            match next {
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        self.take_chunk(chunk, &mut batch);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(resource = %self.resource, %error, "watch broke off");
                    self.watch_ended("BrokenOff", &mut batch);
                }
                None => self.watch_ended("Closed", &mut batch),
            }
            let State::Watch(watch) = &mut self.state else { break };
            if batch.len() >= self.options.batch_events || batch.bytes >= self.options.batch_bytes {
                break;
            }
            match watch.body.frame().now_or_never() {
                Some(ready) => next = ready,
                None => break,
            }
        }
        batch.flush(&mut self.ready, &self.metrics);
    }

    /// Nothing has come for too long.
    fn silent(&mut self) {
        let State::Watch(watch) = &mut self.state else { return };
        if let Some(initial) = watch.initial.take() {
            return self.stream_overdue(&initial);
        }
        tracing::warn!(resource = %self.resource, "watch is silent beyond its end: closed");
        self.metrics.failure("Silent");
        self.metrics.watch_over("Silent");
        self.watch_again();
    }

    fn take_chunk(&mut self, chunk: Bytes, batch: &mut Batch) {
        let State::Watch(watch) = &mut self.state else { return };
        let mut frames = std::mem::take(&mut watch.frames);
        let outcome = watch.splitter.push(chunk, &mut frames);
        self.take_frames(&frames, batch);
        let State::Watch(watch) = &mut self.state else { return };
        frames.clear();
        watch.frames = frames;
        if let Err(error) = outcome {
            self.garbled(&error);
        }
    }

    /// The watch's bytes make no sense. Reading on is impossible; watching again from the last good event may
    /// work; if it goes on like this, only a list gets past it.
    fn garbled(&mut self, error: &FramingError) {
        tracing::warn!(resource = %self.resource, %error, "cannot read the watch");
        let State::Watch(watch) = &mut self.state else { return };
        if let Some(initial) = watch.initial.take() {
            return self.stream_lost(&initial);
        }
        self.pause(error.reason(), None);
        self.metrics.watch_over(error.reason());
        if self.internal_errors_persist() {
            self.relist(ListCause::WatchFailed, error.reason());
        } else {
            self.watch_again();
        }
    }

    /// Goes on from the last version seen. Without one (the server gave none), what was deleted in between would
    /// never show: only a list tells. Nor would what the last list could not show to be gone.
    fn watch_again(&mut self) {
        self.state = State::Open;
        if self.last.is_zero() {
            self.relist(ListCause::WatchFailed, "NoResourceVersion");
        } else if self.owes_list {
            self.relist(ListCause::WatchFailed, "IncompleteList");
        }
    }

    /// Takes events in order until one of them ends the watch.
    fn take_frames(&mut self, frames: &[WatchFrame], batch: &mut Batch) {
        for frame in frames {
            let State::Watch(watch) = &self.state else { return };
            batch.bytes += frame.object.len();
            if frame.event_type == WatchEventType::Error {
                let status = serde_json::from_slice(&frame.object).unwrap_or_else(|error| {
                    Status::failure(StatusReason::Unknown, format!("unreadable error event: {error}"))
                });
                self.watch_failed(&status);
            } else if watch.initial.is_some() {
                self.take_initial(frame, batch);
            } else {
                self.take_event(frame, batch);
            }
        }
    }

    fn take_event(&mut self, frame: &WatchFrame, batch: &mut Batch) {
        let make: fn(_) -> _ = match &frame.event_type {
            WatchEventType::Added => WatchEvent::Added,
            WatchEventType::Modified => WatchEvent::Modified,
            WatchEventType::Deleted => WatchEvent::Deleted,
            WatchEventType::Bookmark => {
                match Bookmark::read(frame, &self.resource) {
                    Some(bookmark) => {
                        self.accept(WatchEvent::Bookmark(bookmark.version), batch);
                    }
                    None => self.metrics.skip("InvalidBookmark"),
                }
                return;
            }
            other => {
                tracing::warn!(resource = %self.resource, event_type = %other, "skip an unknown event");
                return self.metrics.skip("UnknownEvent");
            }
        };
        let State::Watch(watch) = &self.state else { return };
        let encoding = watch.encoding();
        match take_in(&frame.object, encoding, &mut self.intake, &self.metrics) {
            Taken::Object(object) => self.accept(make(object), batch),
            Taken::Unreadable(_) if frame.event_type == WatchEventType::Deleted => {
                // Something is gone. What it was, only a list shows.
                self.pause("UnreadableDeletion", None);
                self.metrics.watch_over("UnreadableDeletion");
                self.relist(ListCause::WatchFailed, "UnreadableDeletion");
            }
            // The cache keeps the version before it.
            Taken::Unreadable(_) | Taken::Foreign => {}
        }
    }

    fn accept(&mut self, event: WatchEvent, batch: &mut Batch) {
        let State::Watch(watch) = &mut self.state else { return };
        watch.events += 1;
        watch.unordered &= matches!(event, WatchEvent::Added(_));
        let version = event.resource_version();
        if !watch.unordered && !version.is_zero() {
            self.last = version.clone();
        }
        self.internal_errors = None;
        batch.events.push(event);
    }

    /// The stream has ended, by the server's will or the network's.
    fn watch_ended(&mut self, how: &'static str, batch: &mut Batch) {
        let State::Watch(watch) = &mut self.state else { return };
        let (opened, events) = (watch.opened, watch.events);
        let splitter =
            std::mem::replace(&mut watch.splitter, EventSplitter::new(Encoding::Json, &self.resource));
        let last_line = splitter.finish().ok().flatten();
        if let Some(last_line) = &last_line {
            self.take_frames(std::slice::from_ref(last_line), batch);
        }
        let State::Watch(watch) = &mut self.state else { return };
        if let Some(initial) = watch.initial.take() {
            return self.stream_lost(&initial);
        }
        self.watch_again();
        let is_short = events == 0 && last_line.is_none() && opened.elapsed() < SHORT;
        self.metrics.watch_over(if is_short { "ShortWatch" } else { how });
        if is_short {
            self.pause("ShortWatch", None);
        }
    }

    /// The server refused to open a watch. The position stays good unless the history is gone, or the server says
    /// that it will not serve what was asked for however often it is asked: then a list shows what there is.
    fn watch_refused(&mut self, status: &Status) {
        if status.is_expired() {
            return self.relist(ListCause::Expired, why(status));
        }
        if matches!(status.code, 406 | 415) && self.wire.fall_back() {
            return;
        }
        self.refused("watch", status);
        let for_good = matches!(status.code, 400 | 404 | 405 | 422);
        let may_pass = status.reason == StatusReason::InternalError || is_too_large(status);
        if for_good || (may_pass && self.internal_errors_persist()) {
            self.relist(ListCause::WatchFailed, why(status));
        }
    }

    /// The open watch said that it failed.
    fn watch_failed(&mut self, status: &Status) {
        let State::Watch(watch) = &mut self.state else { return };
        if let Some(initial) = watch.initial.take() {
            return self.stream_refused(initial.listing(), status);
        }
        self.metrics.watch_over(why(status));
        self.watch_again();
        if status.is_expired() {
            return self.relist(ListCause::Expired, why(status));
        }
        self.refused("watch", status);
        match (status.code, &status.reason) {
            (429, _) | (_, StatusReason::TooManyRequests) => {}
            (_, StatusReason::InternalError) if !self.internal_errors_persist() => {}
            // An object that cannot be read was removed, or something new: only a list shows what is there (R18).
            _ => self.relist(ListCause::WatchFailed, why(status)),
        }
    }
}
