//! Streaming lists (KEP-3157): a watch that begins with the state as events.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse_machinery::framing::{WatchEventType, WatchFrame};
use pilothouse_machinery::{ObjectKey, Status};
use tokio::time::Instant;

use super::batch::Batch;
use super::event::Unreadable;
use super::list::{ListFrom, Listing};
use super::machine::State;
use super::status::{Failure, is_too_large};
use super::take::{Taken, take_in};
use super::watch::Bookmark;
use super::{ListEnd, Reflector, ReflectorEvent};
use crate::cache::CachedObject;
use crate::client::Query;

/// After so many streams in a row that died young, the state is listed.
const TRIES: u32 = 3;

/// The state that a watch shows before it goes on to changes. Nothing of it counts before its end (R11).
pub(super) struct InitialState {
    listing: Listing,
    unreadable: Unreadable,
    /// What came after the first change, and overrules what came before it.
    amended: BTreeMap<ObjectKey, Option<Arc<CachedObject>>>,
    changed: bool,
    opened: Instant,
    /// When the end is overdue. Additions move it; what says that the state was sent in full does not.
    overdue: Instant,
    /// Whether something has come that follows the state.
    beyond: bool,
}

impl InitialState {
    /// The list that this stands for.
    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// When the server has been silent for too long.
    pub(super) fn overdue(&self) -> Instant {
        self.overdue
    }
}

impl Reflector {
    /// Whether a list is to be read as a stream.
    pub(super) fn streams(&self, listing: &Listing) -> bool {
        self.streaming && listing.streams_lost < TRIES
    }

    /// Opens a watch that begins with the state. Without a version it shows the newest, which costs the server no
    /// more than any other here.
    pub(super) async fn open_stream(&mut self, listing: &Listing) {
        let mut query = Query::default();
        query.add("sendInitialEvents", "true");
        query.add("resourceVersionMatch", "NotOlderThan");
        if let ListFrom::NotOlderThan(version) = &listing.from {
            query.add("resourceVersion", &version.to_string());
        }
        match self.ask_for_watch(query).await {
            Ok(mut watching) => {
                let now = self.environment().monotonic();
                watching.initial = Some(InitialState {
                    listing: listing.clone(),
                    unreadable: Unreadable::default(),
                    amended: BTreeMap::new(),
                    changed: false,
                    opened: now,
                    overdue: now + self.options.initial_silence,
                    beyond: false,
                });
                self.state = State::Watch(watching);
            }
            Err(Failure::Refused(status)) => self.stream_refused(listing, &status),
            Err(Failure::Failed(error)) => self.cannot_list(listing, &error),
        }
    }

    /// The server refused the stream, or it said that it failed.
    pub(super) fn stream_refused(&mut self, listing: &Listing, status: &Status) {
        tracing::debug!(resource = %self.resource, %status, "streaming list refused");
        let mut next = listing.restarted();
        match status.code {
            _ if (status.is_expired() || is_too_large(status)) && listing.from != ListFrom::Newest => {
                next.from = ListFrom::Newest;
            }
            406 | 415 if self.wire.fall_back() => {}
            // A server without streaming lists, in the words of several generations (R15).
            400 | 405 | 406 | 415 | 422 | 501 => self.stream_never_again("StreamingListRefused"),
            // To watch may be denied where to list is not.
            403 => {
                self.denied("watch", status);
                next.streams_lost = TRIES;
            }
            code => {
                self.refused("watch", status);
                next.streams_lost += u32::from(code != 429);
            }
        }
        self.state = State::List(next);
    }

    /// The stream ended before the state did. A new one starts clean (R14); where streams do not live long enough to
    /// show the state, pages do.
    pub(super) fn stream_lost(&mut self, initial: &InitialState) {
        let mut next = initial.listing.restarted();
        next.streams_lost += 1;
        self.state = State::List(next);
        if initial.opened.elapsed() >= self.options.initial_silence {
            return self.stream_never_again("InitialEventsUnending");
        }
        self.pause("InitialEventsBrokenOff", None);
    }

    /// The end of the state is overdue: the server does not know what it was asked for (R15).
    pub(super) fn stream_overdue(&mut self, initial: &InitialState) {
        self.state = State::List(initial.listing.restarted());
        self.stream_never_again("InitialEventsEndMissing");
    }

    /// Falls back to lists, for as long as this reflector lives.
    fn stream_never_again(&mut self, reason: &'static str) {
        tracing::info!(resource = %self.resource, reason, "no streaming lists from this server: pages instead");
        self.metrics.failure(reason);
        self.streaming = false;
    }

    /// Takes one event before the end of the state.
    pub(super) fn take_initial(&mut self, frame: &WatchFrame, batch: &mut Batch) {
        let now = self.environment().monotonic();
        let State::Watch(watch) = &mut self.state else { return };
        let encoding = watch.encoding();
        let Some(initial) = &mut watch.initial else { return };
        let deleted = match &frame.event_type {
            WatchEventType::Added => false,
            WatchEventType::Modified => {
                initial.changed = true;
                false
            }
            WatchEventType::Deleted => {
                initial.changed = true;
                true
            }
            WatchEventType::Bookmark => {
                initial.beyond = true;
                if let Some(Bookmark { version, ends_state: true }) = Bookmark::read(frame, &self.resource) {
                    let amended = std::mem::take(&mut initial.amended);
                    let mut unreadable = std::mem::take(&mut initial.unreadable);
                    // What could not be read and was deleted later is gone all the same.
                    unreadable.retain(|key| !matches!(amended.get(key), Some(None)));
                    let end = ListEnd { version, unreadable, amended };
                    watch.state_ended();
                    batch.flush(&mut self.ready, &self.metrics);
                    self.list_complete(end);
                    self.ready.push_back(ReflectorEvent::WatchOpened);
                }
                return;
            }
            _ => return self.metrics.skip("UnknownEvent"),
        };
        initial.beyond |= initial.changed;
        if !initial.beyond {
            initial.overdue = now + self.options.initial_silence;
        }
        let taken = take_in(&frame.object, encoding, &mut self.intake, &self.metrics);
        match taken {
            Taken::Foreign => {}
            Taken::Object(object) if initial.changed => {
                initial.amended.insert(object.key().clone(), (!deleted).then_some(object));
            }
            Taken::Object(object) => batch.items.push(object),
            Taken::Unreadable(Some(key)) if deleted => {
                initial.amended.insert(key, None);
            }
            Taken::Unreadable(None) if deleted => {
                // Something is gone. What it was, only a new stream shows.
                if let Some(initial) = watch.initial.take() {
                    self.stream_lost(&initial);
                }
            }
            // Of an update that cannot be read, the state before it is kept.
            Taken::Unreadable(key) => initial.unreadable.add(key),
        }
    }
}
