//! The stream itself: a cursor into the history, two timers, no task.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use pilothouse_machinery::{Status, StatusReason};
use tokio::time::{Instant, Sleep};

use super::lines::WatchScope;
use crate::ApiServer;
use crate::store::{EventKind, Expired, Read, StoredObject, Ticket};

/// How many events are read from the history at a time.
const BATCH: usize = 64;

/// The time between bookmarks.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);

/// No watch lasts longer, whatever it asks for: points in time have an end.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// How long before its end a watch sends a last bookmark.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// Where a watch begins.
#[derive(Debug)]
pub(crate) enum WatchStart {
    /// With the state at a revision, then what follows it.
    State {
        /// The objects, in order.
        objects: Vec<Arc<StoredObject>>,
        /// The revision.
        revision: u64,
    },
    /// With what follows a revision.
    After(u64),
}

/// The lines of a watch, pulled by whoever reads the body.
///
/// **Guarantees.** Events come in the order of the writes, none missing, none twice; a reader that falls behind costs
/// no memory, and gets an error event once the history has passed it by. After its timeout a watch tells at most one
/// batch more, however much there is.
pub(crate) struct WatchStream {
    server: ApiServer,
    scope: WatchScope,
    ticket: Ticket,
    /// Everything up to here has been read.
    after: u64,
    lines: VecDeque<Bytes>,
    /// Whether a line with an object has been written.
    begun: bool,
    ended: bool,
    deadline: Pin<Box<Sleep>>,
    bookmark: Option<Pin<Box<Sleep>>>,
}

impl WatchStream {
    /// A watch that ends after `timeout`. With `marks_state` a bookmark marks the end of the initial state.
    pub(crate) fn open(
        server: ApiServer,
        scope: WatchScope,
        ticket: Ticket,
        start: WatchStart,
        marks_state: bool,
        timeout: Duration,
    ) -> Self {
        let (now, timeout) = (Instant::now(), timeout.min(LONGEST));
        let end = now + timeout;
        let first_bookmark = (now + BOOKMARK_INTERVAL).min(end - LAST_BOOKMARK.min(timeout));
        let bookmark = scope.options.bookmarks.then(|| Box::pin(tokio::time::sleep_until(first_bookmark)));
        let mut stream = Self {
            server,
            scope,
            ticket,
            after: 0,
            lines: VecDeque::new(),
            begun: false,
            ended: false,
            deadline: Box::pin(tokio::time::sleep_until(end)),
            bookmark,
        };
        stream.begin(start, marks_state);
        stream
    }

    fn begin(&mut self, start: WatchStart, marks_state: bool) {
        let now = self.server.environment().now();
        match start {
            WatchStart::State { objects, revision } => {
                self.after = revision;
                for object in objects {
                    let line = self.scope.object_line(EventKind::Added, &object, !self.begun, now);
                    self.push(line);
                }
                if marks_state {
                    self.lines.push_back(self.scope.bookmark_line(revision, true));
                }
            }
            WatchStart::After(revision) => {
                self.after = revision;
                if let Err(expired) = self.server.store().check_reach(&self.ticket, revision) {
                    self.expire(expired);
                }
            }
        }
    }

    fn push(&mut self, line: Bytes) {
        self.lines.push_back(line);
        self.begun = true;
    }

    fn expire(&mut self, expired: Expired) {
        let message = format!("too old resource version: {} ({})", self.after, expired.oldest);
        self.lines.push_back(self.scope.error_line(&Status::failure(StatusReason::Expired, message)));
        self.ended = true;
    }

    /// Fills `lines` from the history, or arranges to be woken.
    fn read(&mut self, context: &Context<'_>) {
        if !self.server.is_available() {
            // Opened while the server became unreachable, after all watches had been ended.
            self.ended = true;
            return;
        }
        match self.server.store().read(&self.ticket, self.after, BATCH, context.waker()) {
            Read::Ended => self.ended = true,
            Read::Expired(expired) => self.expire(expired),
            Read::Waiting(revision) => self.after = self.after.max(revision),
            Read::Events(events) => {
                let now = self.server.environment().now();
                for event in events {
                    self.after = event.revision();
                    if let Some(line) = self.scope.event_line(&event, !self.begun, now) {
                        self.push(line);
                    }
                }
                if self.lines.is_empty() {
                    // Nothing of the batch concerns this watch: let others run, then read on.
                    context.waker().wake_by_ref();
                }
            }
        }
    }

    /// The next line; `None` when the watch has ended.
    pub(crate) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(line) = self.lines.pop_front() {
            return Poll::Ready(Some(line));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let over = Instant::now() >= self.deadline.deadline();
        self.read(context);
        self.ended |= over;
        if let Some(line) = self.lines.pop_front() {
            return Poll::Ready(Some(line));
        }
        if self.ended || self.deadline.as_mut().poll(context).is_ready() {
            self.ended = true;
            return Poll::Ready(None);
        }
        self.poll_bookmark(context)
    }

    fn poll_bookmark(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(timer) = &mut self.bookmark else { return Poll::Pending };
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let last = self.deadline.deadline() - LAST_BOOKMARK;
        let now = Instant::now();
        if now < last {
            timer.as_mut().reset((now + BOOKMARK_INTERVAL).min(last));
        } else {
            self.bookmark = None;
        }
        Poll::Ready(Some(self.scope.bookmark_line(self.after, false)))
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        self.server.store().close_watch(&self.ticket);
    }
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WatchStream").field("scope", &self.scope).finish_non_exhaustive()
    }
}
