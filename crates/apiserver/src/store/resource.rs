//! One resource: its objects, its history and who watches it.

use std::collections::VecDeque;
use std::sync::Arc;

use imbl::OrdMap;

use super::history::History;
use super::wakers::Wakers;
use super::{Event, EventKind, StoredObject};

/// The objects of one resource under `namespace/name`, or `name` for cluster-scoped ones. Cloning is cheap.
pub(crate) type Objects = OrdMap<Arc<str>, Arc<StoredObject>>;

/// How many snapshots of interrupted lists are kept per resource, besides those that history can rebuild.
const REMEMBERED: usize = 64;

#[derive(Debug)]
pub(super) struct Resource {
    pub(super) objects: Objects,
    pub(super) history: History,
    pub(super) wakers: Wakers,
    /// Rises when all its watches must end.
    pub(super) epoch: u64,
    /// Up to which revision watches that were told to end may read first.
    pub(super) last_words: u64,
    remembered: VecDeque<(u64, Objects)>,
}

impl Resource {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            objects: Objects::new(),
            history: History::new(floor),
            wakers: Wakers::default(),
            epoch: 0,
            last_words: 0,
            remembered: VecDeque::new(),
        }
    }

    /// The objects as they were after the write `revision`, if that can still be known.
    pub(super) fn objects_at(&self, revision: u64) -> Option<Objects> {
        if let Some((_, objects)) = self.remembered.iter().find(|(known, _)| *known == revision) {
            return Some(objects.clone());
        }
        if revision < self.history.floor() {
            return None;
        }
        let mut objects = self.objects.clone();
        for event in self.history.back_to(revision) {
            undo(&mut objects, event);
        }
        Some(objects)
    }

    /// Keeps a snapshot for the next page of a list.
    pub(super) fn remember(&mut self, revision: u64, objects: &Objects) {
        if self.remembered.iter().all(|(known, _)| *known != revision) {
            self.remembered.push_back((revision, objects.clone()));
            if self.remembered.len() > REMEMBERED {
                self.remembered.pop_front();
            }
        }
    }

    /// Forgets the past before `revision`.
    pub(super) fn compact(&mut self, revision: u64) {
        self.history.compact(revision);
        self.remembered.retain(|(known, _)| *known >= revision);
    }
}

fn undo(objects: &mut Objects, event: &Event) {
    let key: Arc<str> = event.object.key().to_string().into();
    match (&event.previous, event.kind) {
        (Some(previous), EventKind::Modified | EventKind::Deleted) => {
            objects.insert(key, previous.clone());
        }
        _ => {
            objects.remove(&key);
        }
    }
}
