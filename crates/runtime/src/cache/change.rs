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
    /// It is gone; to a subscriber with a filter also when it does not match any more.
    Deleted,
    /// Nothing happened: the subscriber asked to be told of each object again from time to time. Comes only when
    /// nothing else waits. Ready-made predicates hold it for no change; controllers give it low priority.
    Resync,
}

/// One change of one object, as the sum of all that happened since the subscriber last took one of its key.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The newest state; the last known one when deleted. To a subscriber with a filter the last state that
    /// matched.
    pub object: Arc<CachedObject>,
    /// The state that the subscriber had been told before; of an addition, an object of the same key that it
    /// missed because it was deleted before the subscriber looked; of a resync, the object itself.
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

    /// An object that the subscriber has not heard of, as part of the state it starts from.
    pub(super) fn first_sight(object: Arc<CachedObject>) -> Self {
        Self { kind: ChangeKind::Added, object, previous: None, initial: true }
    }

    /// An object that the subscriber knows, once more.
    pub(super) fn again(object: Arc<CachedObject>) -> Self {
        let previous = Some(Arc::clone(&object));
        Self { kind: ChangeKind::Resync, object, previous, initial: false }
    }
}
