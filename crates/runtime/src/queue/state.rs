//! The rules of the work queue, as a state machine that is told the time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bucket::Tokens;
use super::entries::{Entries, Request, Slot};
use super::flow::Flow;
use super::line::Line;
use super::pace::Pacing;
use super::time::{Clock, Time};
use super::{FlowOf, Priority, QueueKey, WorkQueueOptions};

/// How many waiting requests a step makes ready at most. A clock that jumps over many due times holds nobody up
/// for longer than this takes.
const MOST_PROMOTED: usize = 256;

/// How many keys a step looks at to forget their pace.
const MOST_FORGOTTEN: usize = 4;

/// What a queue knows. Every step is told the time and first promotes what has become due.
pub(super) struct State<K> {
    pub(super) entries: Entries<K>,
    pub(super) line: Line,
    pub(super) waiting: BTreeMap<(Time, u64), Slot>,
    pub(super) pacing: Pacing,
    tokens: Option<Tokens>,
    flow: Option<FlowOf<K>>,
    tickets: u64,
    pub(super) in_progress: usize,
    closed: bool,
    pub(super) tally: Tally,
}

/// Counts since the last look, for metrics.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests that became ready.
    pub(super) added: u64,
}

/// When a request wants to be served, and what it holds.
#[derive(Clone, Copy)]
struct Wish {
    due: Time,
    priority: Priority,
    token: bool,
}

/// A request that was handed out.
#[derive(Debug, PartialEq)]
pub(super) struct Taken<K> {
    pub(super) slot: Slot,
    pub(super) key: K,
    pub(super) priority: Priority,
    /// How long it stood in line, in seconds.
    pub(super) waited: f64,
}

impl<K: QueueKey> State<K> {
    pub(super) fn new(options: &WorkQueueOptions<K>) -> Self {
        let most_slow = options.hot_keys.map_or(1, |hot| hot.workers());
        Self {
            entries: Entries::new(),
            line: Line::new(options.ageing, most_slow),
            waiting: BTreeMap::new(),
            pacing: Pacing::new(options.debounce, options.minimum_interval, options.hot_keys),
            tokens: options.bucket.map(Tokens::new),
            flow: options.flow.clone(),
            tickets: 0,
            in_progress: 0,
            closed: false,
            tally: Tally::default(),
        }
    }

    /// Asks for `key` to be served once `delay` has passed; as soon as the queue's pace allows when it is zero.
    /// Of two requests the earlier wins; a ready one stays. Returns whether a worker holds the key.
    pub(super) fn add(&mut self, key: K, delay: Duration, priority: Priority, mut now: impl Clock) -> bool {
        self.promote(&mut now);
        if self.closed {
            return false;
        }
        let delay = if delay.is_zero() { self.pacing.debounce } else { delay };
        let due = if delay.is_zero() { now.rough() } else { now.exact().after(delay) };
        let slot = self.entries.slot(key);
        self.request(slot, Wish { due, priority, token: false }, now);
        self.check_invariants();
        self.entries[slot].started.is_some()
    }

    /// Counts a failure of `key` and asks for it after the delay that is given for the number of failures
    /// before it, or that the bucket gives where that is longer. Returns the delay.
    pub(super) fn retry(
        &mut self,
        key: K,
        delay: impl FnOnce(u64) -> Duration,
        priority: Priority,
        mut now: impl Clock,
    ) -> Duration {
        let now = now.exact();
        self.promote(now);
        let slot = self.entries.slot(key);
        let entry = &mut self.entries[slot];
        let before = entry.failures;
        entry.failures = before.saturating_add(1);
        let mut delay = delay(before.into());
        if !self.closed {
            // A key that already holds a token keeps it, and its time.
            let held = match entry.request {
                Request::Waiting { due, token: true, .. } => Some((due.since(now), false)),
                _ => self.tokens.as_mut().map(|tokens| tokens.take(now)),
            };
            let (least, token) = held.unwrap_or_default();
            delay = delay.max(least);
            self.request(slot, Wish { due: now.after(delay), priority, token }, now);
        }
        self.check_invariants();
        delay
    }

    /// The next request, now in the hands of the caller until [`done`](Self::done).
    #[inline]
    pub(super) fn take(&mut self, mut now: impl Clock) -> Option<Taken<K>> {
        self.promote(&mut now);
        let now = now.rough();
        let (slot, is_slow) = self.line.pop()?;
        let entry = &mut self.entries[slot];
        let Request::Ready { since, priority } = entry.request else {
            debug_assert!(false, "Q-I3: a place in the line belongs to a ready request");
            return None;
        };
        entry.request = Request::None;
        entry.started = Some(now);
        (entry.stands_slow, entry.works_slow) = (false, is_slow);
        if self.pacing.handed_out(&mut entry.pace, now) && !entry.is_remembered {
            entry.is_remembered = true;
            self.pacing.remember(slot, &entry.pace, now);
        }
        self.in_progress += 1;
        let key = entry.key.clone();
        self.check_invariants();
        Some(Taken { slot, key, priority, waited: now.seconds_since(since) })
    }

    /// Gives a key back, and says how many seconds it was held. What was asked for meanwhile joins the line now.
    #[inline]
    pub(super) fn done(&mut self, slot: Slot, mut now: impl Clock) -> Option<f64> {
        self.promote(&mut now);
        let entry = &mut self.entries[slot];
        let started = entry.started.take()?;
        self.in_progress -= 1;
        if std::mem::take(&mut entry.works_slow) {
            self.line.slow_done();
        }
        match entry.request {
            Request::None => self.entries.release(slot),
            Request::Ready { priority, .. } => self.stand_in_line(slot, priority, &mut now),
            Request::Waiting { .. } => {}
        }
        self.check_invariants();
        Some(now.rough().seconds_since(started))
    }

    pub(super) fn forget(&mut self, key: &K) {
        if let Some(slot) = self.entries.find(key) {
            self.entries[slot].failures = 0;
            self.entries.release(slot);
        }
    }

    /// Takes over the failures of a key from elsewhere.
    pub(super) fn set_failures(&mut self, key: K, failures: u64) {
        let slot = self.entries.slot(key);
        self.entries[slot].failures = u32::try_from(failures).unwrap_or(u32::MAX);
        self.entries.release(slot);
        self.check_invariants();
    }

    pub(super) fn failures(&self, key: &K) -> u64 {
        self.entries.find(key).map_or(0, |slot| self.entries[slot].failures.into())
    }

    /// Refuses new requests and drops those that wait for their time; what is ready can still be taken.
    pub(super) fn close(&mut self, now: Time) {
        while self.next_due().is_some_and(|due| due <= now) {
            self.promote(now);
        }
        self.closed = true;
        for (_, slot) in std::mem::take(&mut self.waiting) {
            self.entries[slot].request = Request::None;
            self.entries.release(slot);
        }
        self.check_invariants();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nothing is ready, waiting or in a worker's hands.
    pub(super) fn is_empty(&self) -> bool {
        self.in_progress == 0 && self.waiting.is_empty() && self.line.is_empty()
    }

    /// How many requests stand in line.
    pub(super) fn len(&mut self, now: Time) -> usize {
        self.promote(now);
        self.line.len()
    }

    pub(super) fn has_ready(&self) -> bool {
        self.line.has_first()
    }

    /// When the next waiting request becomes due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// When each key now in a worker's hands was taken.
    pub(super) fn started(&self) -> impl Iterator<Item = Time> {
        self.entries.iter().filter_map(|(_, entry)| entry.started)
    }

    /// Merges a wish into what is already asked for.
    fn request(&mut self, slot: Slot, wish: Wish, mut now: impl Clock) {
        match self.entries[slot].request {
            Request::None => self.schedule(slot, wish, now),
            Request::Waiting { due, ticket, priority, token } => {
                let is_earlier = wish.due < due;
                // The token of whichever is later is not needed: it is returned.
                if if is_earlier { token } else { wish.token } {
                    self.put_back();
                }
                if !is_earlier && priority >= wish.priority {
                    return;
                }
                self.waiting.remove(&(due, ticket));
                let token = if is_earlier { wish.token } else { token };
                let priority = priority.max(wish.priority);
                self.schedule(slot, Wish { due: due.min(wish.due), priority, token }, now);
            }
            Request::Ready { priority, since } => {
                if wish.token {
                    self.put_back();
                }
                if priority < wish.priority {
                    self.raise(slot, priority, wish.priority, since, now.exact());
                }
            }
        }
    }

    /// Makes a request ready or lets it wait, as its time and the key's pace say.
    #[inline]
    fn schedule(&mut self, slot: Slot, wish: Wish, mut clock: impl Clock) {
        let now = clock.rough();
        let due = wish.due.max(self.pacing.earliest(&self.entries[slot].pace));
        // Behind what is due already and will be promoted by the next steps.
        let has_backlog = self.next_due().is_some_and(|first| first <= now);
        if due <= now && !has_backlog {
            return self.make_ready(slot, wish.priority, &mut clock);
        }
        self.tickets += 1;
        let ticket = self.tickets;
        let due = due.max(now);
        self.waiting.insert((due, ticket), slot);
        let Wish { priority, token, .. } = wish;
        self.entries[slot].request = Request::Waiting { due, ticket, priority, token };
    }

    /// Waiting requests whose time has come become ready, in the order of the times (P6).
    #[inline]
    fn promote(&mut self, mut now: impl Clock) {
        if self.waiting.is_empty() && self.pacing.is_empty() {
            return;
        }
        let now = now.exact();
        for _ in 0..MOST_PROMOTED {
            let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) else {
                break;
            };
            let ((due, _), slot) = first.remove_entry();
            if let Request::Waiting { priority, .. } = self.entries[slot].request {
                self.make_ready(slot, priority, due);
            }
        }
        for _ in 0..MOST_FORGOTTEN {
            let Some(slot) = self.pacing.next_to_forget(now) else { break };
            self.forget_pace(slot, now);
        }
    }

    fn forget_pace(&mut self, slot: Slot, now: Time) {
        let entry = &mut self.entries[slot];
        if self.pacing.forgettable(&entry.pace) > now {
            return self.pacing.remember(slot, &entry.pace, now);
        }
        entry.is_remembered = false;
        entry.pace = Default::default();
        self.entries.release(slot);
    }

    #[inline]
    fn make_ready(&mut self, slot: Slot, priority: Priority, since: impl Clock) {
        self.tally.added += 1;
        let entry = &mut self.entries[slot];
        entry.request = Request::Ready { since: since.rough(), priority };
        if entry.started.is_none() {
            self.stand_in_line(slot, priority, since);
        }
    }

    #[inline]
    fn stand_in_line(&mut self, slot: Slot, priority: Priority, mut at: impl Clock) {
        let at = if self.line.is_empty() { at.rough() } else { at.exact() };
        let entry = &mut self.entries[slot];
        if self.pacing.is_hot(&entry.pace, at) {
            entry.stands_slow = true;
            let (entries, flow) = (&self.entries, self.flow.as_ref());
            self.line.push_slow(slot, at, |slot| flow_of(flow, &entries[slot].key));
        } else {
            let (entries, flow) = (&self.entries, self.flow.as_ref());
            self.line.push(slot, priority, at, |slot| flow_of(flow, &entries[slot].key));
        }
    }

    /// Moves a request to the tail of a higher band; not out of the slow lane.
    fn raise(&mut self, slot: Slot, from: Priority, to: Priority, since: Time, now: Time) {
        let entry = &mut self.entries[slot];
        entry.request = Request::Ready { since, priority: to };
        if entry.started.is_none() && !entry.stands_slow {
            self.line.remove(slot, from);
            let (entries, flow) = (&self.entries, self.flow.as_ref());
            self.line.push(slot, to, now, |slot| flow_of(flow, &entries[slot].key));
        }
    }

    fn put_back(&mut self) {
        if let Some(tokens) = &mut self.tokens {
            tokens.put_back();
        }
    }
}

fn flow_of<K>(flow: Option<&FlowOf<K>>, key: &K) -> Flow {
    flow.map_or(Flow::default(), |flow| flow(key))
}
