//! Keys whose reconcile waits for another object to change.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use indexmap::{IndexMap, IndexSet};
use parking_lot::Mutex;

use super::error::Dependency;
use crate::{ObjectKey, ResourceType};

/// Who waits for what in one controller.
///
/// - **C-W1** a change that is handed on after the start of a reconcile that ends in a wait causes another reconcile,
///   also when it came before the wait was known: then the reconcile is repeated at once, one time, with the wait
///   known from its start.
#[derive(Debug, Default)]
pub(super) struct Waits {
    state: Mutex<State>,
    /// How many keys wait: nobody takes the lock for each change while none does.
    waiting: AtomicUsize,
    /// How many changes were handed on.
    changes: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    by_key: IndexMap<ObjectKey, Dependency>,
    by_dependency: IndexMap<Dependency, IndexSet<ObjectKey>>,
}

impl State {
    fn remove(&mut self, key: &ObjectKey) {
        let Some(dependency) = self.by_key.swap_remove(key) else { return };
        if let Some(keys) = self.by_dependency.get_mut(&dependency) {
            keys.swap_remove(key);
            if keys.is_empty() {
                self.by_dependency.swap_remove(&dependency);
            }
        }
    }
}

impl Waits {
    /// A number that differs when a change was handed on in between.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Lets `key` wait for a change of the dependency; whether it may have come since `before`.
    pub(super) fn wait(&self, key: &ObjectKey, dependency: &Dependency, before: u64) -> bool {
        let mut state = self.state.lock();
        if state.by_key.get(key) == Some(dependency) {
            return false;
        }
        state.remove(key);
        state.by_key.insert(key.clone(), dependency.clone());
        state.by_dependency.entry(dependency.clone()).or_default().insert(key.clone());
        self.waiting.store(state.by_key.len(), Ordering::SeqCst);
        self.changes() != before
    }

    /// `key` waits no longer.
    pub(super) fn forget(&self, key: &ObjectKey) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut state = self.state.lock();
        state.remove(key);
        self.waiting.store(state.by_key.len(), Ordering::SeqCst);
    }

    /// The keys that waited for a change of `object`.
    pub(super) fn observed(&self, resource: &ResourceType, object: &ObjectKey) -> Vec<ObjectKey> {
        // Counted before the look: who begins to wait after the look sees the count.
        self.changes.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        let dependency = Dependency { resource: resource.clone(), key: object.clone() };
        let mut state = self.state.lock();
        let keys = state.by_dependency.swap_remove(&dependency).unwrap_or_default();
        for key in &keys {
            state.by_key.swap_remove(key);
        }
        self.waiting.store(state.by_key.len(), Ordering::SeqCst);
        keys.into_iter().collect()
    }

    /// Whether anybody waits for objects of this type.
    pub(super) fn includes(&self, resource: &ResourceType) -> bool {
        self.state.lock().by_dependency.keys().any(|dependency| dependency.resource == *resource)
    }
}
