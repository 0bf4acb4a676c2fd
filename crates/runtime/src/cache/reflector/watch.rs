//! Watches.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use http_body_util::BodyExt;
use kube::client::Body;
use pilothouse_machinery::framing::{FramingError, FramingLimits, WatchEventType, WatchFrame, WatchSplitter};
use pilothouse_machinery::{ResourceVersion, Status, StatusReason};
use serde::Deserialize;
use tokio::time::Instant;

use super::list::take_in;
use super::machine::State;
use super::status::{is_too_large, retry_after};
use super::{ListCause, Reflector, ReflectorEvent, WatchEvent};
use crate::cache::CachedObject;
use crate::client::{ClientError, Query, bare, failure_of, is_success, status_reason};

/// A watch that ends sooner, without an event, is a failure (R20).
const SHORT: Duration = Duration::from_secs(1);

/// An open watch.
pub(super) struct Watching {
    body: Body,
    splitter: WatchSplitter,
    opened: Instant,
    /// When the client ends the watch, because the server should have.
    deadline: Instant,
    events: u64,
    /// From "any state": the events that build it up come in no order, so they are no positions (R16).
    unordered: bool,
}

#[derive(Deserialize)]
struct BookmarkObject {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
}

impl Reflector {
    /// Opens a watch at the last version seen.
    pub(super) async fn open_watch(&mut self) {
        let asked = self.environment().jittered(self.options.watch_timeout, 1.0);
        let mut query = Query::default();
        query.add("watch", "true");
        query.add("allowWatchBookmarks", "true");
        query.add("resourceVersion", &self.last.to_string());
        query.add("timeoutSeconds", &asked.as_secs().to_string());
        let uri = self.options.selection.uri(&self.resource, &query);
        let request = uri.and_then(|uri| bare("watch", Method::GET, &uri));
        let mut request = match request {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(resource = %self.resource, %error, "cannot write a watch request");
                return self.pause(error.reason(), None);
            }
        };
        // Compressed watches come in many small members, which clients decode badly.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let opened = self.environment().monotonic();
        let deadline = opened + asked + self.options.watch_grace;
        // A watch may be silent, its head may not: the server sends that before there is any event.
        match self.client.in_time("watch", self.client.send(request)).await.and_then(|sent| sent) {
            Ok(response) if is_success(&response) => {
                self.metrics.watch();
                self.ready.push_back(ReflectorEvent::WatchOpened);
                self.state = State::Watch(Box::new(Watching {
                    body: response.into_body(),
                    splitter: WatchSplitter::new(FramingLimits::default()),
                    opened,
                    deadline,
                    events: 0,
                    unordered: self.last.is_zero(),
                }));
            }
            Ok(response) => match self.client.in_time("watch", failure_of(response)).await {
                Ok(status) => self.watch_refused(&status),
                Err(error) => self.cannot_watch(&error),
            },
            Err(error) => self.cannot_watch(&error),
        }
    }

    /// There was no answer. The position is still good: watch again from there, without a list (R6).
    fn cannot_watch(&mut self, error: &ClientError) {
        tracing::warn!(resource = %self.resource, error = error as &dyn Error, "cannot watch");
        self.pause(error.reason(), None);
    }

    /// Reads the next piece of the watch.
    pub(super) async fn read_watch(&mut self) {
        let State::Watch(watch) = &mut self.state else { return };
        match tokio::time::timeout_at(watch.deadline, watch.body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(chunk) = frame.into_data() {
                    self.take_chunk(chunk);
                }
            }
            Ok(Some(Err(error))) => {
                tracing::debug!(resource = %self.resource, %error, "watch broke off");
                self.watch_ended();
            }
            Ok(None) => self.watch_ended(),
            Err(_) => {
                tracing::warn!(resource = %self.resource, "watch is silent beyond its end: closed");
                self.metrics.failure("Silent");
                self.watch_again();
            }
        }
    }

    fn take_chunk(&mut self, chunk: Bytes) {
        let State::Watch(watch) = &mut self.state else { return };
        let mut frames = Vec::new();
        let outcome = watch.splitter.push(chunk, &mut frames);
        self.take_frames(&frames);
        if let (Err(error), State::Watch(_)) = (outcome, &self.state) {
            self.garbled(&error);
        }
    }

    /// The watch's bytes make no sense. Reading on is impossible; watching again from the last good event may
    /// work; if it goes on like this, only a list gets past it.
    fn garbled(&mut self, error: &FramingError) {
        tracing::warn!(resource = %self.resource, %error, "cannot read the watch");
        self.pause(error.reason(), None);
        if self.internal_errors_persist() {
            self.relist(ListCause::WatchFailed);
        } else {
            self.watch_again();
        }
    }

    /// Goes on from the last version seen. Without one (the server gave none), what was deleted in between would
    /// never show: only a list tells.
    fn watch_again(&mut self) {
        self.state = State::Open;
        if self.last.is_zero() {
            self.relist(ListCause::WatchFailed);
        }
    }

    /// Takes events in order until one of them ends the watch.
    fn take_frames(&mut self, frames: &[WatchFrame]) {
        let mut events = Vec::with_capacity(frames.len());
        for frame in frames {
            if frame.event_type == WatchEventType::Error {
                self.flush(&mut events);
                let status = serde_json::from_slice(&frame.object).unwrap_or_else(|error| {
                    Status::failure(StatusReason::Unknown, format!("unreadable error event: {error}"))
                });
                return self.watch_failed(&status);
            }
            let Some(event) = self.event(frame) else { continue };
            let State::Watch(watch) = &mut self.state else { break };
            watch.events += 1;
            watch.unordered &= matches!(event, WatchEvent::Added(_));
            let version = event.resource_version();
            if !watch.unordered && !version.is_zero() {
                self.last = version.clone();
            }
            self.internal_errors = None;
            events.push(event);
        }
        self.flush(&mut events);
    }

    fn flush(&mut self, events: &mut Vec<WatchEvent>) {
        if !events.is_empty() {
            self.ready.push_back(ReflectorEvent::Watched(std::mem::take(events)));
        }
    }

    fn event(&mut self, frame: &WatchFrame) -> Option<WatchEvent> {
        let event = match &frame.event_type {
            WatchEventType::Added => WatchEvent::Added(self.take_in(&frame.object)?),
            WatchEventType::Modified => WatchEvent::Modified(self.take_in(&frame.object)?),
            WatchEventType::Deleted => WatchEvent::Deleted(self.take_in(&frame.object)?),
            WatchEventType::Bookmark => match serde_json::from_slice::<BookmarkObject>(&frame.object) {
                Ok(object) => WatchEvent::Bookmark(ResourceVersion::parse(&object.metadata.resource_version)),
                Err(error) => {
                    tracing::warn!(resource = %self.resource, %error, "skip an unreadable bookmark");
                    self.metrics.skip("InvalidBookmark");
                    return None;
                }
            },
            other => {
                tracing::warn!(resource = %self.resource, event_type = %other, "skip an unknown event");
                self.metrics.skip("UnknownEvent");
                return None;
            }
        };
        self.metrics.event(frame.event_type.as_str());
        Some(event)
    }

    fn take_in(&mut self, bytes: &[u8]) -> Option<Arc<CachedObject>> {
        take_in(bytes, &mut self.intake, &self.metrics)
    }

    /// The stream has ended, by the server's will or the network's.
    fn watch_ended(&mut self) {
        let State::Watch(watch) = &mut self.state else { return };
        let (opened, events) = (watch.opened, watch.events);
        let splitter = std::mem::replace(&mut watch.splitter, WatchSplitter::new(FramingLimits::default()));
        if let Ok(Some(last_line)) = splitter.finish() {
            self.take_frames(&[last_line]);
            if matches!(self.state, State::Watch(_)) {
                self.watch_again();
            }
            return;
        }
        self.watch_again();
        if events == 0 && opened.elapsed() < SHORT {
            self.pause("ShortWatch", None);
        }
    }

    /// The server refused to open a watch. The position stays good unless the history is gone, or the server says
    /// that it will not serve what was asked for however often it is asked: then a list shows what there is.
    fn watch_refused(&mut self, status: &Status) {
        if status.is_expired() {
            return self.relist(ListCause::Expired);
        }
        tracing::warn!(resource = %self.resource, %status, "cannot watch");
        self.pause(status_reason(&status.reason), retry_after(status));
        let for_good = matches!(status.code, 400 | 404 | 405 | 422);
        let may_pass = status.reason == StatusReason::InternalError || is_too_large(status);
        if for_good || (may_pass && self.internal_errors_persist()) {
            self.relist(ListCause::WatchFailed);
        }
    }

    /// The open watch said that it failed.
    fn watch_failed(&mut self, status: &Status) {
        self.watch_again();
        if status.is_expired() {
            return self.relist(ListCause::Expired);
        }
        tracing::warn!(resource = %self.resource, %status, "watch failed");
        self.pause(status_reason(&status.reason), retry_after(status));
        match (status.code, &status.reason) {
            (429, _) | (_, StatusReason::TooManyRequests) => {}
            (_, StatusReason::InternalError) if !self.internal_errors_persist() => {}
            // An object that cannot be read was removed, or something new: only a list shows what is there (R18).
            _ => self.relist(ListCause::WatchFailed),
        }
    }
}
