//! Writes of which nobody knows whether they were applied.

use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use parking_lot::Mutex;

use super::context::Shared;
use crate::{ClientError, ObjectKey, ResourceType, ResourceVersion};

/// The writes of one controller that were sent and not answered (W4), by the key whose reconcile sent them.
///
/// **C-W2** A write is in doubt from before it is sent until it is answered: a reconcile that is dropped in the midst
/// of it leaves the doubt behind as a lost answer does. The next reconcile of the key asks the server first.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    state: Mutex<State>,
    /// How many keys have doubts: a reconcile of a key without takes no lock.
    keys: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    by_key: IndexMap<ObjectKey, Vec<(u64, Doubt)>>,
    count: u64,
}

/// What was to be written.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) resource: ResourceType,
    pub(super) object: ObjectKey,
    /// Empty where the object may not have existed.
    pub(super) uid: String,
}

impl Doubts {
    /// Notes a write that is about to be sent; returns the number to settle it by.
    pub(super) fn raise(&self, key: &ObjectKey, doubt: Doubt) -> u64 {
        let mut state = self.state.lock();
        state.count += 1;
        let number = state.count;
        state.by_key.entry(key.clone()).or_default().push((number, doubt));
        self.keys.store(state.by_key.len(), Ordering::SeqCst);
        number
    }

    /// It is known what became of the write.
    pub(super) fn settle(&self, key: &ObjectKey, number: u64) {
        let mut state = self.state.lock();
        if let Some(doubts) = state.by_key.get_mut(key) {
            doubts.retain(|(other, _)| *other != number);
            if doubts.is_empty() {
                state.by_key.swap_remove(key);
            }
        }
        self.keys.store(state.by_key.len(), Ordering::SeqCst);
    }

    /// The doubts about what reconciles of `key` wrote.
    pub(super) fn of(&self, key: &ObjectKey) -> Vec<(u64, Doubt)> {
        if self.keys.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        self.state.lock().by_key.get(key).cloned().unwrap_or_default()
    }
}

impl Shared {
    /// Asks the server what became of a write, and notes what the caches must show before the next reconcile of
    /// `key`: the object as it is now, or that it is gone. Fails where the server cannot be asked: the key's own
    /// delays say when to ask again. Dropping the future leaves the doubt.
    pub(super) async fn confirm(
        &self,
        key: &ObjectKey,
        number: u64,
        doubt: Doubt,
    ) -> Result<(), ClientError> {
        let Doubt { resource, object, uid } = doubt;
        match self.client.get_value(&resource, &object).await {
            Ok(found) => {
                let text = |field: &str| found["metadata"][field].as_str().unwrap_or_default().to_owned();
                let version = ResourceVersion::parse(&text("resourceVersion"));
                self.own_writes.wrote(key, &resource, object, &text("uid"), version);
            }
            Err(error) if error.is_not_found() && !uid.is_empty() => {
                self.own_writes.deleted(key, &resource, object, &uid);
            }
            Err(error) if error.is_not_found() => {}
            // The rights to write do not include the right to read: the doubt cannot be settled.
            Err(error) if !error.is_retryable() => {
                tracing::warn!(controller = self.controller, %key, %resource, %object,
                    error = super::chain(&error), "cannot find out whether a write was applied");
            }
            Err(error) => return Err(error),
        }
        self.doubts.settle(key, number);
        Ok(())
    }
}
