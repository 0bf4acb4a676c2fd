//! The objects that wait for a dependency.

use std::collections::BTreeMap;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use crate::ObjectKey;
use crate::queue::{Priority, WorkQueue};

/// Objects that nobody calls back come back by themselves this long after one another. The first one is the probe; the
/// next one is there in case that it turned out not to need the dependency.
const STAGGER: Duration = Duration::from_secs(1);

/// The objects that wait for one dependency, those that have waited longest first.
///
/// Each also has a request in its queue, at a time of its own: what calls it back only makes that earlier. So nothing
/// is stuck when those called back turn out not to need the dependency any more (X-I2).
#[derive(Default)]
pub(super) struct Postponed {
    objects: IndexMap<Object, Place>,
    /// Those not called back yet, in order.
    line: BTreeMap<u64, Object>,
    tickets: u64,
    last_return: Option<Instant>,
}

/// An object of one controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Object {
    /// Tells controllers apart that have the same name: those of several clusters.
    pub(super) controller: usize,
    pub(super) key: ObjectKey,
}

struct Place {
    ticket: u64,
    queue: WorkQueue<ObjectKey>,
    priority: Priority,
    /// When its own request in the queue is due.
    returns: Instant,
}

impl Postponed {
    /// Puts an object into the line, at the place that it had if it was called back in vain. Returns when it comes back
    /// by itself: `not_before` that time, and not together with others.
    pub(super) fn add(
        &mut self,
        object: Object,
        queue: &WorkQueue<ObjectKey>,
        priority: Priority,
        not_before: Instant,
        now: Instant,
    ) -> Instant {
        let known = self.objects.get(&object).map(|place| (place.ticket, place.returns));
        let ticket = known.map_or(self.tickets, |(ticket, _)| ticket);
        self.tickets += u64::from(known.is_none());
        let returns =
            known.map(|(_, returns)| returns).filter(|returns| *returns > now && *returns >= not_before);
        let returns = returns.unwrap_or_else(|| {
            let next = self.last_return.map_or(not_before, |last| not_before.max(last + STAGGER));
            self.last_return = Some(next);
            next
        });
        self.line.insert(ticket, object.clone());
        self.objects.insert(object, Place { ticket, queue: queue.clone(), priority, returns });
        returns
    }

    /// The breaker opens: from when on objects come back by themselves.
    pub(super) fn opens(&mut self) {
        self.last_return = None;
    }

    /// The object tries again: it needs no call for that any more, and keeps its place in case that it fails.
    pub(super) fn comes(&mut self, controller: usize, key: &ObjectKey) {
        if self.objects.is_empty() {
            return;
        }
        if let Some(place) = self.objects.get(&Object { controller, key: key.clone() }) {
            self.line.remove(&place.ticket);
        }
    }

    /// The object has got through.
    pub(super) fn remove(&mut self, controller: usize, key: &ObjectKey) {
        if self.objects.is_empty() {
            return;
        }
        if let Some(place) = self.objects.swap_remove(&Object { controller, key: key.clone() }) {
            self.line.remove(&place.ticket);
        }
    }

    /// Calls back those that have waited longest.
    pub(super) fn call_back(&mut self, most: usize) {
        for _ in 0..most {
            let Some((_, object)) = self.line.pop_first() else {
                // Who was called back and has not come does not need the dependency any more.
                self.objects.clear();
                return;
            };
            if let Some(place) = self.objects.get(&object) {
                place.queue.add_with(object.key, place.priority);
            }
        }
    }

    /// How many wait and have not been called back.
    pub(super) fn len(&self) -> usize {
        self.line.len()
    }
}
