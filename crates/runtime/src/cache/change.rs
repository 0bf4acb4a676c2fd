//! What a subscriber is told.

use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::CachedObject;

/// What happened to an object since the subscriber last heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new to the subscriber.
    Added,
    /// It changed. Also when it was deleted and created again in between: then the uid differs.
    Updated,
    /// It is gone.
    Deleted,
}

/// One change of one object, as the sum of all that happened since the subscriber last took one of its key.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The newest state; the last known one when deleted.
    pub object: Arc<CachedObject>,
    /// The state that the subscriber had been told before, or that it missed because the object was deleted
    /// (and created again) before the subscriber looked.
    pub previous: Option<Arc<CachedObject>>,
    /// Whether this belongs to the state the subscriber starts from.
    pub initial: bool,
}

impl Change {
    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        self.object.key()
    }

    /// This change followed by `later`, as one change.
    ///
    /// A creation followed by a deletion stays visible as a deletion: whoever made the object may be waiting to
    /// hear that it is gone.
    pub(super) fn followed_by(self, later: Self) -> Self {
        let (kind, previous) = match (self.kind, later.kind) {
            (ChangeKind::Added, ChangeKind::Deleted) => (ChangeKind::Deleted, None),
            (ChangeKind::Added, _) => (ChangeKind::Added, None),
            (_, ChangeKind::Deleted) => (ChangeKind::Deleted, self.previous),
            (ChangeKind::Updated, _) => (ChangeKind::Updated, self.previous),
            (ChangeKind::Deleted, _) => (ChangeKind::Updated, self.previous.or(Some(self.object))),
        };
        Self { kind, object: later.object, previous, initial: self.initial || later.initial }
    }
}
