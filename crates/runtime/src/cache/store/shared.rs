//! Reads of a store.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::waiting::Waiting;
use crate::cache::contents::Contents;
use crate::cache::index::AnyDefinition;
use crate::cache::{CachedObject, Snapshot};

/// The objects of one type as last heard from the server.
///
/// Cheap to clone; clones are one store.
///
/// **Flow.** An informer writes what its reflector hears, in batches; everybody else reads.
///
/// **Guarantees.** Each read sees one state, and so does each [`Snapshot`].
///
/// - **C-I1** per object, a reader sees a subsequence of what the server said, in order;
/// - **C-I2** a read holds a lock for the copy of one pointer, a writer for at most 32 events: neither waits for the
///   work of the other (S5);
/// - **C-I3** the resource version advances with events and bookmarks and never goes back (S4), except with a
///   complete list: that replaces everything, so a server that was restored to an earlier state is followed, as
///   client-go does;
/// - **C-I4** an object is found by an index if and only if it is there and has the value;
/// - **C-I5** what a write replaced is dropped when no lock of the store or its informer is held.
///
/// **Assumptions.** Index functions are quick: the writer waits for them. Comparing their values does not panic.
///
/// **Cancellation.** Only [`wait_for`](Self::wait_for) waits; dropping its future takes its entry out.
///
/// **Errors.** None: what is not there is `None` or empty. A store whose informer has stopped keeps what it holds.
///
/// **Panics.** Never.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Changed in place where no snapshot holds it (C-I2).
    pub(super) published: RwLock<Arc<Contents>>,
    /// Held by the one who writes, from the first look at the state to its last change.
    pub(super) writer: Mutex<Writer>,
    pub(super) waiting: Waiting,
}

/// What only writers need.
#[derive(Default)]
pub(super) struct Writer {
    /// The indexes of the contents, in the same order.
    pub(super) definitions: Vec<Arc<dyn AnyDefinition>>,
    /// Names of indexes that are there or being built.
    pub(super) names: BTreeSet<Arc<str>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Writer").field("indexes", &self.names).finish_non_exhaustive()
    }
}

impl Store {
    /// The present state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { contents: Arc::clone(&self.shared.published.read()) }
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<CachedObject>> {
        self.snapshot().get(key).cloned()
    }

    /// The objects that an index finds; see [`Snapshot::by_index`].
    #[must_use]
    pub fn by_index(&self, name: &str, value: &str) -> Vec<Arc<CachedObject>> {
        self.snapshot().by_index(name, value)
    }

    /// The version that the store has reached.
    #[must_use]
    pub fn resource_version(&self) -> ResourceVersion {
        self.shared.published.read().resource_version.clone()
    }

    /// How often a complete list took the version back.
    pub(in crate::cache) fn histories(&self) -> u64 {
        self.shared.published.read().history
    }

    /// Whether the two are clones of one store.
    pub(in crate::cache) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether nobody holds a lock that readers or writers take.
    #[cfg(test)]
    pub(in crate::cache) fn is_free_of_locks(&self) -> bool {
        self.shared.writer.try_lock().is_some() && self.shared.published.try_write().is_some()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.published.read().objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until the store has reached `version`; at once where it has.
    ///
    /// A version that is not a number is only reached by equality (conformance W5), and a watch may be down, or the
    /// server's history may have gone back: put a time limit around it. A waiter costs one small entry, whatever
    /// the number of others; a write wakes those it reaches and looks at no others.
    ///
    /// **Cancellation.** Dropping the future takes its entry out.
    pub async fn wait_for(&self, version: &ResourceVersion) {
        let waiter = self.shared.waiting.register(version, || self.resource_version().is_at_least(version));
        if let Some(waiter) = waiter {
            waiter.reached().await;
        }
    }
}
