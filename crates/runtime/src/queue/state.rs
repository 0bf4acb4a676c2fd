//! The rules of the work queue, as a state machine that is told the time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::{Priority, QueueKey};

/// Further than any process runs, near enough that adding it to a clock cannot overflow.
const FAR: Duration = Duration::from_hours(30 * 365 * 24);

/// What a queue knows. Every step takes the current time and first promotes what has become due.
#[derive(Debug)]
pub(super) struct State<K> {
    entries: IndexMap<K, Entry>,
    normal: VecDeque<Place<K>>,
    low: VecDeque<Place<K>>,
    /// Places in `low` whose request was raised to `normal`; skipped when met.
    stale: usize,
    waiting: BTreeMap<(Instant, u64), K>,
    failures: IndexMap<K, u64>,
    ageing: Duration,
    tickets: u64,
    in_progress: usize,
    closed: bool,
    pub(super) tally: Tally,
}

/// Counts since the last look, for metrics.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests that became ready.
    pub(super) added: u64,
}

#[derive(Debug)]
struct Entry {
    request: Request,
    started: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    None,
    Ready { ticket: u64, since: Instant, priority: Priority },
    Waiting { due: Instant, ticket: u64, priority: Priority },
}

/// A place in the line; void once the key's ticket is another.
#[derive(Debug)]
struct Place<K> {
    key: K,
    ticket: u64,
    at: Instant,
}

/// A request that was handed out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken<K> {
    pub(super) key: K,
    pub(super) priority: Priority,
    pub(super) waited: Duration,
}

impl<K: QueueKey> State<K> {
    pub(super) fn new(ageing: Duration) -> Self {
        Self {
            entries: IndexMap::new(),
            normal: VecDeque::new(),
            low: VecDeque::new(),
            stale: 0,
            waiting: BTreeMap::new(),
            failures: IndexMap::new(),
            ageing,
            tickets: 0,
            in_progress: 0,
            closed: false,
            tally: Tally::default(),
        }
    }

    /// Asks for `key` to be served as soon as possible. A request that waits for its time stops waiting.
    pub(super) fn add(&mut self, key: K, priority: Priority, now: Instant) {
        if self.closed {
            return;
        }
        self.promote(now);
        match self.request(&key) {
            Request::None => self.make_ready(key, priority, now, now),
            Request::Waiting { due, ticket, priority: asked } => {
                self.waiting.remove(&(due, ticket));
                self.make_ready(key, priority.max(asked), now, now);
            }
            Request::Ready { priority: asked, since, .. } if asked < priority => {
                self.raise(key, priority, since, now);
            }
            Request::Ready { .. } => {}
        }
        self.check_invariants();
    }

    /// Asks for `key` to be served once `delay` has passed. The earlier of two times wins; a ready request
    /// stays.
    pub(super) fn add_after(&mut self, key: K, delay: Duration, priority: Priority, now: Instant) {
        if self.closed {
            return;
        }
        if delay.is_zero() {
            return self.add(key, priority, now);
        }
        self.promote(now);
        let due = now.checked_add(delay.min(FAR)).unwrap_or(now);
        match self.request(&key) {
            Request::None => self.make_waiting(key, due, priority),
            Request::Waiting { due: earlier, ticket, priority: asked } => {
                self.waiting.remove(&(earlier, ticket));
                self.make_waiting(key, due.min(earlier), priority.max(asked));
            }
            Request::Ready { priority: asked, since, .. } if asked < priority => {
                self.raise(key, priority, since, now);
            }
            Request::Ready { .. } => {}
        }
        self.check_invariants();
    }

    /// The next request, now in the hands of the caller until [`done`](Self::done).
    pub(super) fn take(&mut self, now: Instant) -> Option<Taken<K>> {
        self.promote(now);
        self.skip_stale();
        let place = if self.low_goes_first() { self.low.pop_front() } else { self.normal.pop_front() }?;
        let Request::Ready { since, priority, .. } = self.request(&place.key) else {
            debug_assert!(false, "Q-I3: a place in the line belongs to a ready request");
            return None;
        };
        self.entries.insert(place.key.clone(), Entry { request: Request::None, started: Some(now) });
        self.in_progress += 1;
        self.check_invariants();
        Some(Taken { key: place.key, priority, waited: now.saturating_duration_since(since) })
    }

    /// Gives a key back, and says how long it was held. What was asked for meanwhile joins the line now.
    pub(super) fn done(&mut self, key: &K, now: Instant) -> Option<Duration> {
        self.promote(now);
        let entry = self.entries.get_mut(key)?;
        let started = entry.started.take()?;
        self.in_progress -= 1;
        match entry.request {
            Request::None => {
                self.entries.swap_remove(key);
            }
            Request::Ready { ticket, priority, .. } => {
                self.line(priority).push_back(Place { key: key.clone(), ticket, at: now });
            }
            Request::Waiting { .. } => {}
        }
        self.check_invariants();
        Some(now.saturating_duration_since(started))
    }

    /// Counts a failure and returns how many came before it.
    pub(super) fn fail(&mut self, key: &K) -> u64 {
        let count = self.failures.entry(key.clone()).or_insert(0);
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    pub(super) fn forget(&mut self, key: &K) {
        self.failures.swap_remove(key);
    }

    pub(super) fn failures(&self, key: &K) -> u64 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Refuses new requests and drops those that wait for their time; what is ready can still be taken.
    pub(super) fn close(&mut self, now: Instant) {
        self.promote(now);
        self.closed = true;
        for (_, key) in std::mem::take(&mut self.waiting) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.request = Request::None;
                if entry.started.is_none() {
                    self.entries.swap_remove(&key);
                }
            }
        }
        self.check_invariants();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether nothing is ready, waiting or in a worker's hands.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many requests stand in the line of each band: normal, low.
    pub(super) fn depths(&mut self, now: Instant) -> (usize, usize) {
        self.promote(now);
        (self.normal.len(), self.low.len() - self.stale)
    }

    pub(super) fn has_ready(&self) -> bool {
        self.normal.len() + self.low.len() > self.stale
    }

    /// When the next waiting request becomes due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// When each key now in a worker's hands was taken.
    pub(super) fn started(&self) -> impl Iterator<Item = Instant> {
        self.entries.values().filter_map(|entry| entry.started)
    }

    fn request(&self, key: &K) -> Request {
        self.entries.get(key).map_or(Request::None, |entry| entry.request)
    }

    fn line(&mut self, priority: Priority) -> &mut VecDeque<Place<K>> {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Every waiting request whose time has come becomes ready, in the order of the times (P6).
    fn promote(&mut self, now: Instant) {
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let ((due, _), key) = first.remove_entry();
            if let Request::Waiting { priority, .. } = self.request(&key) {
                self.make_ready(key, priority, due, due);
            }
        }
    }

    fn make_ready(&mut self, key: K, priority: Priority, since: Instant, at: Instant) {
        self.tally.added += 1;
        let ticket = self.ticket();
        let request = Request::Ready { ticket, since, priority };
        if self.set(key.clone(), request) {
            self.line(priority).push_back(Place { key, ticket, at });
        }
    }

    fn make_waiting(&mut self, key: K, due: Instant, priority: Priority) {
        let ticket = self.ticket();
        self.waiting.insert((due, ticket), key.clone());
        self.set(key, Request::Waiting { due, ticket, priority });
    }

    /// Moves a low request to the tail of the normal band; its old place becomes void.
    fn raise(&mut self, key: K, priority: Priority, since: Instant, now: Instant) {
        let ticket = self.ticket();
        if self.set(key.clone(), Request::Ready { ticket, since, priority }) {
            self.line(priority).push_back(Place { key, ticket, at: now });
            self.stale += 1;
            if self.stale > self.low.len() / 2 + 64 {
                let entries = &self.entries;
                self.low.retain(|place| is_current(entries, place));
                self.stale = 0;
            }
        }
    }

    /// Sets the request of a key; whether the key is free to stand in the line.
    fn set(&mut self, key: K, request: Request) -> bool {
        let entry = self.entries.entry(key).or_insert(Entry { request: Request::None, started: None });
        entry.request = request;
        entry.started.is_none()
    }

    fn skip_stale(&mut self) {
        while self.low.front().is_some_and(|place| !is_current(&self.entries, place)) {
            self.low.pop_front();
            self.stale -= 1;
        }
    }

    fn low_goes_first(&self) -> bool {
        match (self.normal.front(), self.low.front()) {
            (Some(normal), Some(low)) => {
                low.at.checked_add(self.ageing).is_some_and(|aged| aged <= normal.at)
            }
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// Panics where an invariant of the module does not hold. Does nothing in release builds, and looks only
    /// at small queues: the check walks everything.
    pub(super) fn check_invariants(&self) {
        if !cfg!(debug_assertions) || self.entries.len() > 32 {
            return;
        }
        let in_line = |line: &VecDeque<Place<K>>, key: &K, ticket: u64| {
            line.iter().filter(|place| place.key == *key && place.ticket == ticket).count()
        };
        let (mut ready, mut waiting, mut in_progress) = (0, 0, 0);
        for (key, entry) in &self.entries {
            in_progress += usize::from(entry.started.is_some());
            match entry.request {
                Request::None => assert!(entry.started.is_some(), "Q-I4: {key:?} is kept for nothing"),
                Request::Ready { ticket, .. } => {
                    let places = in_line(&self.normal, key, ticket) + in_line(&self.low, key, ticket);
                    let expected = usize::from(entry.started.is_none());
                    assert_eq!(places, expected, "Q-I3: places of {key:?} in the line");
                    ready += expected;
                }
                Request::Waiting { due, ticket, .. } => {
                    waiting += 1;
                    assert_eq!(self.waiting.get(&(due, ticket)), Some(key), "Q-I2: {key:?} waits once");
                }
            }
        }
        assert_eq!(self.in_progress, in_progress, "Q-I1: keys in workers' hands");
        assert_eq!(self.waiting.len(), waiting, "Q-I2: waiting requests");
        assert_eq!(self.normal.len() + self.low.len() - self.stale, ready, "Q-I3: ready requests");
        assert!(!self.closed || self.waiting.is_empty(), "Q-I2: nothing waits in a closed queue");
    }
}

fn is_current<K: QueueKey>(entries: &IndexMap<K, Entry>, place: &Place<K>) -> bool {
    entries
        .get(&place.key)
        .is_some_and(|entry| matches!(entry.request, Request::Ready { ticket, .. } if ticket == place.ticket))
}
