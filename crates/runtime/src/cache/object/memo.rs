//! Decoded forms of objects, and how many bytes of them an informer keeps.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use super::IntakeMetrics;

/// How many types one object keeps decoded forms of: those of two controllers, say.
const TYPES: usize = 2;
/// A queue shorter than this is not swept.
const SHORT: usize = 1024;

/// A decoded form.
pub(super) type Decoded = Arc<dyn Form>;

/// A decoded form that knows the name of its type.
pub(super) trait Form: Any + Send + Sync {
    fn type_name(&self) -> &'static str;
}

impl<T: Any + Send + Sync> Form for T {
    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

/// How many bytes of decoded forms the objects of one informer keep.
///
/// - **C-I10** after each decode the estimated size of what is kept is within the limit, or nothing is kept;
/// - **C-I11** what was decoded longest ago is dropped first; readers keep what they hold.
#[derive(Debug)]
pub(super) struct Budget {
    /// In bytes; none means that nothing is ever dropped.
    limit: Option<u64>,
    used: AtomicU64,
    queue: Mutex<Queue>,
    pub(super) metrics: IntakeMetrics,
}

/// What may be dropped, oldest first.
#[derive(Debug)]
struct Queue {
    entries: VecDeque<(u64, Weak<Memo>)>,
    next: u64,
    sweep_at: usize,
}

/// The decoded forms of one object.
pub(super) struct Memo {
    budget: Arc<Budget>,
    held: RwLock<Held>,
}

#[derive(Default)]
struct Held {
    /// With their estimated sizes, in the order in which they were decoded.
    forms: Vec<(u64, Decoded)>,
    /// The place in the queue that counts; older ones are void.
    place: u64,
}

impl Budget {
    pub(super) fn new(limit: Option<u64>, metrics: IntakeMetrics) -> Arc<Self> {
        let queue = Queue { entries: VecDeque::new(), next: 0, sweep_at: SHORT };
        Arc::new(Self { limit, used: AtomicU64::new(0), queue: Mutex::new(queue), metrics })
    }

    /// The estimated size of what is kept.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        self.metrics.decoded_bytes.inc_by(i64::try_from(bytes).unwrap_or_default());
    }

    fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.metrics.decoded_bytes.dec_by(i64::try_from(bytes).unwrap_or_default());
    }

    /// Drops the oldest forms until the rest is within the limit. Nothing is dropped under a lock.
    fn enforce(&self, limit: u64) {
        while self.used() > limit {
            let Some((place, memo)) = self.queue.lock().entries.pop_front() else { return };
            let Some(memo) = memo.upgrade() else { continue };
            let forms = {
                let mut held = memo.held.write();
                if held.place == place { std::mem::take(&mut held.forms) } else { Vec::new() }
            };
            self.metrics.decoded_dropped.inc_by(forms.len() as u64);
            self.release(forms.iter().map(|(bytes, _)| bytes).sum());
        }
    }
}

impl Queue {
    /// Puts `memo` last.
    fn push(&mut self, memo: &Arc<Memo>) -> u64 {
        self.next += 1;
        if self.entries.len() >= self.sweep_at {
            // Objects go with their informer's cache; what is left of them here must not pile up.
            self.entries.retain(|(_, memo)| memo.strong_count() > 0);
            self.sweep_at = SHORT.max(self.entries.len() * 2);
        }
        self.entries.push_back((self.next, Arc::downgrade(memo)));
        self.next
    }
}

impl Memo {
    pub(super) fn new(budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), held: RwLock::default() })
    }

    /// The form of this type, if it is kept.
    pub(super) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        find(&self.held.read().forms)
    }

    /// Keeps a form of about this size, unless somebody was faster: the answer is what all later readers share.
    pub(super) fn keep<T: Send + Sync + 'static>(self: &Arc<Self>, form: Arc<T>, bytes: u64) -> Arc<T> {
        let mut held = self.held.write();
        if let Some(earlier) = find(&held.forms) {
            return earlier;
        }
        let replaced = self.put(&mut held, Arc::clone(&form) as Decoded, bytes);
        drop(held);
        self.settle(replaced);
        form
    }

    /// As [`keep`](Self::keep), for the first form, whose type is not known here.
    pub(super) fn keep_any(self: &Arc<Self>, form: Decoded, bytes: u64) {
        let replaced = self.put(&mut self.held.write(), form, bytes);
        self.settle(replaced);
    }

    fn settle(&self, replaced: Option<(u64, Decoded)>) {
        self.budget.release(replaced.map_or(0, |(bytes, _)| bytes));
        if let Some(limit) = self.budget.limit {
            self.budget.enforce(limit);
        }
    }

    /// The form that had to give way is the answer.
    fn put(self: &Arc<Self>, held: &mut Held, form: Decoded, bytes: u64) -> Option<(u64, Decoded)> {
        let replaced = (held.forms.len() == TYPES).then(|| held.forms.remove(0));
        held.forms.reserve_exact(1);
        held.forms.push((bytes, form));
        self.budget.take(bytes);
        self.budget.metrics.decoded.inc();
        if self.budget.limit.is_some() {
            held.place = self.budget.queue.lock().push(self);
        }
        replaced
    }
}

fn find<T: Send + Sync + 'static>(forms: &[(u64, Decoded)]) -> Option<Arc<T>> {
    forms.iter().find_map(|(_, form)| shared(form))
}

/// The form, if it is of this type.
pub(super) fn shared<T: Send + Sync + 'static>(form: &Decoded) -> Option<Arc<T>> {
    let any: &dyn Any = &**form;
    if !any.is::<T>() {
        return None;
    }
    let any: Arc<dyn Any + Send + Sync> = Arc::clone(form) as Arc<dyn Any + Send + Sync>;
    any.downcast().ok()
}

impl fmt::Debug for Memo {
    /// Not the forms: objects may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        let bytes = self.held.get_mut().forms.iter().map(|(bytes, _)| bytes).sum();
        self.budget.release(bytes);
    }
}
