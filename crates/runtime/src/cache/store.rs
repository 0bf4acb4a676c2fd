//! The objects of one type.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pilothouse_machinery::{ObjectKey, ResourceVersion};
use tokio::sync::oneshot;

use super::index::{Index, IndexError, IndexFunction, NAMESPACE};
use super::reflector::WatchEvent;
use super::snapshot::{Contents, Snapshot};
use super::{CachedObject, ChangeKind};

/// The objects of one type as last heard from the server.
///
/// **Guarantees.** Cheap to clone; clones are one store. Each read sees one state.
///
/// - **C-I1** per object, a reader sees a subsequence of what the server said, in order;
/// - **C-I2** a read holds a lock for the copy of one pointer: it neither waits for a writer that works nor
///   makes it wait (S5);
/// - **C-I3** the resource version advances with events and bookmarks and never goes back (S4).
#[derive(Clone, Debug, Default)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    published: RwLock<Arc<Contents>>,
    /// Held by a writer from reading the state to publishing the next.
    writing: Mutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    version: ResourceVersion,
    reached: oneshot::Sender<()>,
}

/// What a write changed.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) kind: ChangeKind,
    pub(crate) object: Arc<CachedObject>,
    pub(crate) previous: Option<Arc<CachedObject>>,
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
        self.snapshot().resource_version().clone()
    }

    /// Waits until the store has reached `version`. Versions that cannot be compared are only reached by
    /// equality, and a watch may be down: put a time limit around it. Dropping the future stops the wait.
    pub async fn wait_for(&self, version: &ResourceVersion) {
        let reached = {
            let mut waiting = self.shared.waiting.lock();
            if self.snapshot().resource_version().is_at_least(version) {
                return;
            }
            waiting.retain(|waiting| !waiting.reached.is_closed());
            let (sender, receiver) = oneshot::channel();
            waiting.push(Waiting { version: version.clone(), reached: sender });
            receiver
        };
        if reached.await.is_err() {
            // The store went away, and with it the one who could answer.
            std::future::pending::<()>().await;
        }
    }

    /// Adds an index; objects present are indexed at once (conformance S3).
    pub(crate) fn add_index(&self, name: &str, function: IndexFunction) -> Result<(), IndexError> {
        self.write(|contents| {
            if name == NAMESPACE || contents.index(name).is_some() {
                return Err(IndexError::Duplicate(name.to_owned()));
            }
            let mut index = Index::new(function);
            contents.objects.values().for_each(|object| index.insert(object));
            contents.indexes.push((name.into(), index));
            Ok(())
        })
    }

    /// Applies what a watch said, in order, and publishes the result as one state.
    pub(crate) fn apply(&self, events: &[WatchEvent]) -> Vec<Written> {
        self.write(|contents| {
            let mut written = Vec::with_capacity(events.len());
            for event in events {
                match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                        contents.advance(object.resource_version());
                        written.extend(put(contents, Arc::clone(object)));
                    }
                    WatchEvent::Deleted(object) => {
                        contents.advance(object.resource_version());
                        let previous = contents.remove(object.key());
                        written.extend(previous.map(|previous| Written {
                            kind: ChangeKind::Deleted,
                            object: Arc::clone(object),
                            previous: Some(previous),
                        }));
                    }
                    WatchEvent::Bookmark(version) => contents.advance(version),
                }
            }
            written
        })
    }

    /// Replaces everything by a complete list, as one state. Deletions come first, then additions and updates in
    /// the order of the list (conformance F17); an object whose version is unchanged is neither told nor
    /// exchanged, so that its decoded form stays shared. Objects in `keep` exist although they are not in the list.
    pub(crate) fn replace(
        &self,
        list: Vec<Arc<CachedObject>>,
        keep: &[ObjectKey],
        version: &ResourceVersion,
    ) -> Vec<Written> {
        self.write(|contents| {
            let listed: BTreeSet<&ObjectKey> = list.iter().map(|object| object.key()).chain(keep).collect();
            let gone: Vec<ObjectKey> =
                contents.objects.keys().filter(|key| !listed.contains(key)).cloned().collect();
            let mut written = Vec::new();
            for key in gone {
                let previous = contents.remove(&key);
                written.extend(previous.map(|object| Written {
                    kind: ChangeKind::Deleted,
                    object: Arc::clone(&object),
                    previous: Some(object),
                }));
            }
            for object in list {
                written.extend(put(contents, object));
            }
            contents.advance(version);
            written
        })
    }

    fn write<R>(&self, change: impl FnOnce(&mut Contents) -> R) -> R {
        let (result, version, outdated) = {
            let _writing = self.shared.writing.lock();
            let mut contents = Contents::clone(&self.shared.published.read());
            let result = change(&mut contents);
            let version = contents.resource_version.clone();
            let next = Arc::new(contents);
            (result, version, std::mem::replace(&mut *self.shared.published.write(), next))
        };
        // What only the old state held is dropped here, outside of all locks.
        drop(outdated);
        let mut waiting = self.shared.waiting.lock();
        let (reached, still): (Vec<_>, Vec<_>) =
            waiting.drain(..).partition(|waiting| version.is_at_least(&waiting.version));
        *waiting = still;
        drop(waiting);
        for waiting in reached {
            // The waiter may be gone.
            let _ = waiting.reached.send(());
        }
        result
    }
}

/// Stores an object unless this version of it is there.
fn put(contents: &mut Contents, object: Arc<CachedObject>) -> Option<Written> {
    if contents.objects.get(object.key()).is_some_and(|known| known.is_same_version(&object)) {
        return None;
    }
    let previous = contents.insert(&object);
    let kind = if previous.is_some() { ChangeKind::Updated } else { ChangeKind::Added };
    Some(Written { kind, object, previous })
}
