//! Reads that show one's own writes before the cache does.
//!
//! A controller does not need this: it is not called for an object before its cache shows what it wrote. This is
//! for those who cannot wait, and act on what they wrote a moment ago, as client-go's `MutationCache` does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use tokio::time::Instant;

use super::{CachedObject, Informer, Snapshot, Store};

/// Own writes that an informer's cache may not show yet; see
/// [`Lister::with_own_writes`](super::Lister::with_own_writes).
///
/// Cheap to clone; clones are one overlay.
///
/// **Flow.** Whoever writes notes the server's answer with [`wrote`](Self::wrote) or [`deleted`](Self::deleted).
///
/// **Guarantees.**
///
/// - **S6** a read through the overlay shows a noted write until the cache has reached its version, shows the object in
///   a later version, or shows another object (by uid) in place of a deleted one. It holds a bounded number of writes
///   for a bounded time: the oldest give way, and reads are then as without it.
///
/// **Assumptions.** The writes are of objects that the informer follows. Versions that are not numbers cannot be
/// compared (W5): writes of such are not noted. When the server's history goes back (a restore), all is forgotten.
///
/// **Cancellation.** Nothing waits here.
#[derive(Clone, Debug)]
pub struct OwnWrites {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    most: usize,
    longest: Duration,
    /// The oldest first; bounded by `most`.
    writes: Mutex<IndexMap<ObjectKey, OwnWrite>>,
}

#[derive(Clone, Debug)]
struct OwnWrite {
    uid: Uid,
    /// Unknown only for deletions.
    version: Option<u64>,
    /// `None` when deleted.
    object: Option<Arc<CachedObject>>,
    noted: Instant,
    /// The server's history that the version belongs to.
    history: u64,
}

/// What own writes change about one snapshot: by key, the object as written, or that it is gone.
#[derive(Debug, Default)]
pub(super) struct OwnView {
    overrides: BTreeMap<ObjectKey, Option<Arc<CachedObject>>>,
}

/// What a write is to a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The snapshot does not show it yet.
    Newer,
    /// The snapshot shows it or something later, and so will every later one.
    Over,
    /// Nothing to do with this snapshot.
    Other,
}

impl Informer {
    /// An overlay of own writes for this informer: at most 1,000 of them, each for at most five minutes.
    #[must_use]
    pub fn overlay(&self) -> OwnWrites {
        OwnWrites::new(self.store().clone(), 1_000, Duration::from_mins(5))
    }
}

impl OwnWrites {
    /// An overlay that holds at most `most` writes, each for at most `longest`.
    pub(super) fn new(store: Store, most: usize, longest: Duration) -> Self {
        Self { shared: Arc::new(Shared { store, most, longest, writes: Mutex::default() }) }
    }

    /// Notes an object as the server answered a write of it.
    pub fn wrote(&self, object: Arc<CachedObject>) {
        let Some(version) = object.resource_version().number() else { return };
        let (key, uid) = (object.key().clone(), object.uid().clone());
        self.note(&key, OwnWrite { uid, version: Some(version), object: Some(object), ..self.blank() });
    }

    /// Notes that the object of this key and uid was deleted for good. `version` is that of the deletion; zero where
    /// the answer did not tell it: then the uid alone decides. (An object that waits for finalizers is not gone:
    /// note it with [`wrote`](Self::wrote).)
    pub fn deleted(&self, key: &ObjectKey, uid: &Uid, version: &ResourceVersion) {
        let version = version.number().filter(|number| *number > 0);
        self.note(key, OwnWrite { uid: uid.clone(), version, ..self.blank() });
    }

    /// How many writes are held, including some whose time may be over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.writes.lock().len()
    }

    /// Whether no write is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn blank(&self) -> OwnWrite {
        let history = self.shared.store.snapshot().contents.history;
        OwnWrite { uid: Uid::default(), version: None, object: None, noted: Instant::now(), history }
    }

    fn note(&self, key: &ObjectKey, write: OwnWrite) {
        let mut writes = self.shared.writes.lock();
        if writes.get(key).is_some_and(|earlier| !write.follows(earlier)) {
            return;
        }
        // To the end: the oldest stand in front.
        writes.shift_remove(key);
        writes.insert(key.clone(), write);
        if writes.len() > self.shared.most {
            writes.shift_remove_index(0);
        }
    }

    /// Whether this belongs to the store.
    pub(super) fn is_of(&self, store: &Store) -> bool {
        store.is_same(&self.shared.store)
    }

    /// The object of a key, as the snapshot shows it or as it was written since.
    pub(super) fn get(&self, snapshot: &Snapshot, key: &ObjectKey) -> Option<Arc<CachedObject>> {
        let writes = self.shared.writes.lock();
        match writes.get(key).filter(|write| self.standing(write, key, snapshot) == Standing::Newer) {
            Some(write) => write.object.clone(),
            None => snapshot.get(key).cloned(),
        }
    }

    /// The writes that the snapshot does not show. Forgets those that are over.
    pub(super) fn on(&self, snapshot: &Snapshot) -> OwnView {
        let mut view = OwnView::default();
        let mut over = Vec::new();
        self.shared.writes.lock().retain(|key, write| {
            let standing = self.standing(write, key, snapshot);
            match standing {
                Standing::Newer => drop(view.overrides.insert(key.clone(), write.object.clone())),
                Standing::Over => over.push(write.object.take()),
                Standing::Other => {}
            }
            standing != Standing::Over
        });
        view
    }

    fn standing(&self, write: &OwnWrite, key: &ObjectKey, snapshot: &Snapshot) -> Standing {
        let history = snapshot.contents.history;
        if history < write.history {
            return Standing::Other;
        }
        let is_old = history > write.history || write.noted.elapsed() >= self.shared.longest;
        // A snapshot whose version is no number cannot be older for sure.
        let reached = snapshot.resource_version().number().unwrap_or(u64::MAX);
        let cached = snapshot.get(key);
        let is_shown = write.version.is_some_and(|version| {
            let shown = cached.and_then(|object| object.resource_version().number());
            reached >= version || shown.is_some_and(|shown| shown >= version)
        });
        let is_recreated = write.object.is_none()
            && write.version.is_none()
            && cached.is_some_and(|object| *object.uid() != write.uid);
        if is_old || is_shown || is_recreated { Standing::Over } else { Standing::Newer }
    }
}

impl OwnWrite {
    /// Whether this is later than an earlier noted write of the same key.
    fn follows(&self, earlier: &Self) -> bool {
        if self.history != earlier.history {
            return self.history > earlier.history;
        }
        match (self.version, earlier.version) {
            (Some(version), Some(earlier)) => version > earlier,
            // Only a deletion may be without: it ends just the object of its uid.
            (None, _) => self.uid == earlier.uid,
            (_, None) => self.uid != earlier.uid,
        }
    }
}

impl OwnView {
    pub(super) fn is_empty(&self) -> bool {
        self.overrides.is_empty()
    }

    /// Whether what a snapshot holds under this key is outdated.
    pub(super) fn overrides(&self, key: &ObjectKey) -> bool {
        self.overrides.contains_key(key)
    }

    /// The objects as written.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Arc<CachedObject>> {
        self.overrides.values().flatten()
    }
}
