//! The parking of one controller: what happens to a key that fails, and to one that has failed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::metrics::Instruments;
use super::options::{DeadLetterOptions, ReturnOn};
use super::subject::{Subject, has_changed, is_own_change, is_replaced};
use super::table::Table;
use crate::controller::ReconcileError;
use crate::controller::event::{EventRecord, EventSender, EventType};
use crate::ledger::{HistoryEvent, HistoryLine, LedgerIdentity, LedgerRecord, Standing, redacted};
use crate::queue::{Priority, Retry, WorkQueue};
use crate::{Change, ChangeKind, Informer, Metrics, ObjectKey};

/// How long a key that failed waits for its failure to be written before it is tried again all the same.
const WRITE_WAIT: Duration = Duration::from_secs(1);
/// No delay is longer, whatever the policy says, for a key that should be parked and is not.
const LONGEST: Duration = Duration::from_secs(1000);
/// How many bytes of messages are kept of an error, and how many messages.
const MESSAGE_BYTES: usize = 1024;
const MESSAGES: usize = 16;
/// How much of one message is looked at.
const LOOKED_AT: usize = 8 * 1024;
/// Who parks, and who takes off what has changed.
const CONTROLLER: &str = "controller";

/// What a parking is made of.
pub(in crate::controller) struct Setting {
    pub(in crate::controller) controller: String,
    pub(in crate::controller) main: Informer,
    pub(in crate::controller) queue: WorkQueue<ObjectKey>,
    pub(in crate::controller) retry: Retry,
    pub(in crate::controller) options: DeadLetterOptions,
    pub(in crate::controller) events: EventSender,
    pub(in crate::controller) environment: Environment,
}

/// What becomes of a key that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Verdict {
    /// It is tried again after this delay.
    Again(Duration),
    /// It was given up.
    Parked,
    /// It should be given up, but the list is full: it is tried again after this delay.
    Refused(Duration),
}

/// Whether a key may be reconciled now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Admission {
    /// Yes.
    Go,
    /// It is parked, and nothing has changed.
    Parked,
    /// Not before this time has passed.
    Later(Duration),
}

/// The failing objects of one controller.
pub(in crate::controller) struct Parking {
    pub(super) controller: Arc<str>,
    resource: Arc<str>,
    setting: Setting,
    pub(super) table: Mutex<Table>,
    /// How many keys the table knows anything of: nearly always none, and then nobody takes the lock.
    known: AtomicUsize,
    /// Whether keys wait until their failures are written.
    pub(super) is_gated: AtomicBool,
    /// There is something to write.
    pub(super) changed: Notify,
    next_replay: Mutex<Instant>,
    pub(super) instruments: Instruments,
}

impl Parking {
    pub(in crate::controller) fn new(setting: Setting, metrics: &Metrics) -> Self {
        Self {
            controller: setting.controller.as_str().into(),
            resource: setting.main.resource_type().to_string().into(),
            table: Mutex::new(Table::new(setting.options.at_most)),
            known: AtomicUsize::new(0),
            is_gated: AtomicBool::new(false),
            changed: Notify::new(),
            next_replay: Mutex::new(Instant::now()),
            instruments: Instruments::new(metrics, &setting.controller),
            setting,
        }
    }

    /// Looks at the table or changes it, and tells the keeper if there is something to write.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut Table) -> R) -> R {
        let mut table = self.table.lock();
        let answer = look(&mut table);
        self.known.store(table.len(), Ordering::Release);
        let has_news = !table.pending.is_empty();
        let lost = table.pending.take_lost();
        drop(table);
        self.instruments.history_lost.inc_by(lost);
        if has_news {
            self.changed.notify_one();
        }
        answer
    }

    fn is_idle(&self) -> bool {
        self.known.load(Ordering::Acquire) == 0
    }

    /// The key has succeeded, or there is nothing to do for it any more.
    pub(in crate::controller) fn succeeded(&self, key: &ObjectKey) {
        self.setting.queue.forget(key);
        if !self.is_idle() {
            self.with(|table| table.remove(key, Instant::now()));
        }
    }

    /// The key has failed: it is tried again, or given up.
    pub(in crate::controller) fn failed(
        &self,
        key: &ObjectKey,
        priority: Priority,
        error: &ReconcileError,
    ) -> Verdict {
        let object = self.setting.main.store().get(key);
        let subject = object.as_deref().map(Subject::of).unwrap_or_default();
        let (verdict, attempts) = self.with(|table| self.judge(table, key, subject, priority, error));
        if verdict == Verdict::Parked {
            self.instruments.parks(error.reason());
            if let Some(object) = object {
                let times = if attempts == 1 { "1 attempt".into() } else { format!("{attempts} attempts") };
                let why =
                    cut(&format!("given up after {times}: {}", messages(error).join(": ")), MESSAGE_BYTES);
                let (resource, header) = (self.setting.main.resource_type(), object.header());
                let event = EventRecord::about_cached(resource, header, EventType::Warning, "GivenUp", why);
                self.setting.events.send(event);
            }
        }
        verdict
    }

    fn judge(
        &self,
        table: &mut Table,
        key: &ObjectKey,
        subject: Subject,
        priority: Priority,
        error: &ReconcileError,
    ) -> (Verdict, u64) {
        let Setting { queue, retry, .. } = &self.setting;
        let (now, time) = (Instant::now(), self.setting.environment.now());
        let earlier = table.get(key).map(|entry| Arc::clone(&entry.record));
        let is_other = |earlier: &LedgerRecord| {
            !subject.uid.is_empty() && !earlier.identity.uid.is_empty() && earlier.identity.uid != subject.uid
        };
        let earlier = match earlier {
            // The failures of another object that had this name do not count.
            Some(earlier) if is_other(&earlier) => {
                queue.forget(key);
                None
            }
            earlier => earlier.filter(|earlier| earlier.attempts > 0),
        };
        let attempts = queue.failures(key) + 1;
        let is_over = error.is_terminal() || retry.is_exhausted(attempts);
        let (verdict, standing) = if is_over && table.has_room_to_park(key) {
            queue.forget(key);
            (Verdict::Parked, Standing::Parked { since: time })
        } else if is_over {
            self.instruments.refused.inc();
            let delay = retry.delay(u64::MAX).min(LONGEST);
            queue.set_failures(key.clone(), attempts);
            queue.add_after_with(key.clone(), delay, priority);
            (Verdict::Refused(delay), Standing::Retrying { due: after(time, delay) })
        } else {
            let delay = queue.add_rate_limited_with(key.clone(), priority);
            (Verdict::Again(delay), Standing::Retrying { due: after(time, delay) })
        };
        let identity =
            LedgerIdentity { controller: Arc::clone(&self.controller), key: key.clone(), uid: subject.uid };
        let record = LedgerRecord {
            identity,
            resource: Arc::clone(&self.resource),
            standing,
            reason: cut(error.reason(), 64),
            causes: messages(error),
            attempts,
            first_failure: earlier.map_or(time, |earlier| earlier.first_failure),
            last_failure: time,
            seen: subject.seen,
            labels: subject.labels,
        };
        self.put(table, record, now);
        (verdict, attempts)
    }

    /// Keeps a record and tells the gauge, the history and the counters.
    fn put(&self, table: &mut Table, record: LedgerRecord, now: Instant) {
        let note =
            record.is_parked().then(|| line(&record, HistoryEvent::Parked, CONTROLLER, record.last_failure));
        let reason = record.reason.clone();
        if let Some(parked) = table.get(&record.identity.key).filter(|entry| entry.record.is_parked()) {
            self.instruments.listed(&parked.record.reason, -1);
        }
        if !table.put(record, now) {
            self.instruments.untracked.inc();
        }
        if let Some(note) = note {
            self.instruments.listed(&reason, 1);
            table.pending.note(note, now);
        }
    }

    /// Whether a key that was taken from the queue may be reconciled now.
    pub(in crate::controller) fn admit(&self, key: &ObjectKey, priority: Priority) -> Admission {
        if self.is_idle() {
            return Admission::Go;
        }
        let object = self.setting.main.store().get(key);
        self.with(|table| {
            let is_touched = table.touched.swap_remove(key);
            let Some(entry) = table.get_mut(key) else { return Admission::Go };
            let now = Instant::now();
            let has_changed = is_touched || has_changed(&entry.record, object.as_deref());
            if entry.record.is_parked() {
                let returns = match self.setting.options.return_on {
                    ReturnOn::Replay => is_replaced(&entry.record, object.as_deref()),
                    ReturnOn::AnyChange | ReturnOn::OwnChange => has_changed,
                };
                if returns {
                    self.take_off(table, key, HistoryEvent::Left, CONTROLLER, now);
                    return Admission::Go;
                }
                return Admission::Parked;
            }
            if let Some(left) = entry.not_before.take().map(|due| due.saturating_duration_since(now))
                && !left.is_zero()
                && !has_changed
            {
                entry.not_before = Some(now + left);
                return Admission::Later(left);
            }
            let left = (entry.failed_at + WRITE_WAIT).saturating_duration_since(now);
            if self.is_gated.load(Ordering::Relaxed) && !entry.is_written && !left.is_zero() {
                entry.waiting = Some(priority);
                return Admission::Later(left);
            }
            entry.waiting = None;
            Admission::Go
        })
    }

    /// Takes a parked key off the list.
    fn take_off(
        &self,
        table: &mut Table,
        key: &ObjectKey,
        event: HistoryEvent,
        by: &str,
        now: Instant,
    ) -> Option<Arc<LedgerRecord>> {
        let record = table.remove(key, now)?.record;
        self.instruments.listed(&record.reason, -1);
        let counter = match event {
            HistoryEvent::Replayed => &self.instruments.replays,
            HistoryEvent::Dropped => &self.instruments.drops,
            HistoryEvent::Left | HistoryEvent::Parked => &self.instruments.returns,
        };
        counter.inc();
        table.pending.note(line(&record, event, by, self.setting.environment.now()), now);
        Some(record)
    }

    /// A request for `key` was added because of a change; `is_working` says whether a worker held it then. Takes a
    /// parked key off the list where the change is one that counts.
    pub(in crate::controller) fn observed(
        &self,
        key: &ObjectKey,
        change: &Change,
        is_main: bool,
        is_working: bool,
    ) {
        if (self.is_idle() && !is_working) || !self.counts(change, is_main) {
            return;
        }
        self.has_news(key, is_working);
    }

    /// As [`observed`](Self::observed), for a request that came from elsewhere.
    pub(in crate::controller) fn asked(&self, key: &ObjectKey, is_working: bool) {
        let is_idle = self.is_idle() && !is_working;
        if !is_idle && self.setting.options.return_on == ReturnOn::AnyChange {
            self.has_news(key, is_working);
        }
    }

    fn has_news(&self, key: &ObjectKey, is_working: bool) {
        let returns = self.with(|table| {
            if table.get(key).is_some_and(|entry| entry.record.is_parked()) {
                return self.take_off(table, key, HistoryEvent::Left, CONTROLLER, Instant::now()).is_some();
            }
            if is_working {
                table.touched.insert(key.clone());
            }
            false
        });
        if returns {
            // A worker may have looked at the request before it was known to count.
            self.setting.queue.add(key.clone());
        }
    }

    /// Whether a change is one that takes a parked object off the list.
    fn counts(&self, change: &Change, is_main: bool) -> bool {
        let is_new = !change.initial && change.kind != ChangeKind::Resync;
        let is_end = is_main && change.kind == ChangeKind::Deleted;
        is_new
            && match self.setting.options.return_on {
                ReturnOn::AnyChange if !is_main => {
                    change.previous.as_ref().is_none_or(|before| !before.is_same_version(&change.object))
                        || change.kind == ChangeKind::Deleted
                }
                ReturnOn::AnyChange | ReturnOn::OwnChange => is_main && is_own_change(change),
                ReturnOn::Replay => is_end,
            }
    }

    /// The parked objects that `wanted` says, in the order of their keys.
    pub(super) fn parked(&self, wanted: impl Fn(&LedgerRecord) -> bool) -> Vec<Arc<LedgerRecord>> {
        let table = self.table.lock();
        let parked = table.records().filter(|record| record.is_parked() && wanted(record));
        let mut parked: Vec<_> = parked.cloned().collect();
        drop(table);
        parked.sort_by(|one, two| one.identity.cmp(&two.identity));
        parked
    }

    /// Tries a parked object once more; whether it was one.
    pub(super) fn replay(&self, identity: &LedgerIdentity, by: &str) -> bool {
        let Setting { queue, environment, .. } = &self.setting;
        let (key, now) = (&identity.key, Instant::now());
        let delay = self.with(|table| {
            table.get(key).filter(|entry| is_letter(&entry.record, identity))?;
            let delay = self.turn(now);
            let record = self.take_off(table, key, HistoryEvent::Replayed, by, now)?;
            let due = Standing::Retrying { due: after(environment.now(), delay) };
            let waiting = LedgerRecord { standing: due, attempts: 0, ..LedgerRecord::clone(&record) };
            self.put(table, waiting, now);
            Some(delay)
        });
        if let Some(delay) = delay {
            queue.add_after_with(key.clone(), delay, Priority::NORMAL);
        }
        delay.is_some()
    }

    /// How long until the turn of one more replay.
    fn turn(&self, now: Instant) -> Duration {
        let pace = Duration::try_from_secs_f64(1.0 / self.setting.options.replays_per_second);
        let mut next = self.next_replay.lock();
        let turn = now.max(*next);
        *next = turn.checked_add(pace.unwrap_or(LONGEST)).unwrap_or(turn);
        turn - now
    }

    /// Takes a parked object off the list, without trying it; whether it was there.
    pub(super) fn discard(&self, identity: &LedgerIdentity, by: &str) -> bool {
        let (key, now) = (&identity.key, Instant::now());
        self.with(|table| {
            let is_letter = table.get(key).is_some_and(|entry| is_letter(&entry.record, identity));
            is_letter && self.take_off(table, key, HistoryEvent::Dropped, by, now).is_some()
        })
    }

    /// Takes over what an earlier process has left in the ledger. What has changed since leaves the list.
    pub(super) fn restore(&self, records: Vec<LedgerRecord>) {
        let (now, time) = (Instant::now(), self.setting.environment.now());
        self.with(|table| {
            for record in records {
                self.restore_one(table, record, now, time);
            }
        });
    }

    fn restore_one(&self, table: &mut Table, record: LedgerRecord, now: Instant, time: Timestamp) {
        let Setting { queue, main, options, .. } = &self.setting;
        let (key, object) = (record.identity.key.clone(), main.store().get(&record.identity.key));
        let is_replaced = is_replaced(&record, object.as_deref());
        let has_changed = has_changed(&record, object.as_deref());
        let is_known = table.get(&key).is_some();
        match record.standing {
            Standing::Parked { .. } => {
                let stays = !is_replaced && (!has_changed || options.return_on == ReturnOn::Replay);
                if stays && !is_known && table.has_room_to_park(&key) {
                    self.instruments.listed(&record.reason, 1);
                    return table.restore(record, None, now);
                }
                self.instruments.returns.inc();
                table.pending.note(line(&record, HistoryEvent::Left, CONTROLLER, time), now);
                table.pending.remove(record.identity, now);
                queue.add(key);
            }
            Standing::Retrying { .. } if is_replaced || is_known || !table.has_room_to_retry() => {
                table.pending.remove(record.identity, now);
            }
            Standing::Retrying { due } => {
                let left = Duration::try_from(due.duration_since(time)).unwrap_or_default().min(LONGEST);
                queue.set_failures(key.clone(), record.attempts);
                queue.add_after(key, left);
                table.restore(record, (!has_changed).then(|| now + left), now);
            }
        }
    }

    /// Asks for keys that have waited until something was written.
    pub(super) fn resume(&self, waiting: Vec<(ObjectKey, Priority)>) {
        for (key, priority) in waiting {
            self.setting.queue.add_with(key, priority);
        }
    }
}

impl fmt::Debug for Parking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parking").field("controller", &self.controller).finish_non_exhaustive()
    }
}

fn is_letter(record: &LedgerRecord, identity: &LedgerIdentity) -> bool {
    record.is_parked() && record.identity == *identity
}

fn after(time: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    time.saturating_add(delay).unwrap_or(Timestamp::MAX)
}

fn line(record: &LedgerRecord, event: HistoryEvent, by: &str, at: Timestamp) -> HistoryLine {
    HistoryLine {
        identity: record.identity.clone(),
        resource: Arc::clone(&record.resource),
        at,
        event,
        by: cut(by, 128),
        reason: record.reason.clone(),
        attempts: record.attempts,
    }
}

/// The messages of an error and its causes, without secrets, one kilobyte together.
fn messages(error: &ReconcileError) -> Vec<String> {
    let mut messages = Vec::new();
    let mut left = MESSAGE_BYTES;
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if left == 0 || messages.len() == MESSAGES {
            break;
        }
        let message = cut(&redacted(&cut(&error.to_string(), LOOKED_AT)), left);
        left -= message.len().min(left);
        messages.push(message);
        next = error.source();
    }
    messages
}

/// A text of at most so many bytes.
fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    format!("{}{MARK}", &text[..end])
}
