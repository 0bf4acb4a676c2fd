//! Indexes of a store.

use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;
use pilothouse_machinery::ObjectKey;

use super::CachedObject;

/// The name of the built-in index by the uids of owners.
pub(super) const OWNER: &str = "owner";
/// The name of the built-in index by namespace. The order of keys serves it.
pub(super) const NAMESPACE: &str = "namespace";

/// From an object to the values it is found under.
pub(super) type IndexFunction = Arc<dyn Fn(&CachedObject) -> Vec<String> + Send + Sync>;
/// Objects by key.
pub(super) type Objects = OrdMap<ObjectKey, Arc<CachedObject>>;

/// An index could not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// An index of this name exists.
    #[error("cannot add index {0:?}: an index of this name exists")]
    Duplicate(String),
}

impl IndexError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "DuplicateIndex"
    }
}

/// From values to objects. Cloning shares the structure.
#[derive(Clone)]
pub(super) struct Index {
    function: IndexFunction,
    entries: OrdMap<Arc<str>, Objects>,
}

impl Index {
    pub(super) fn new(function: IndexFunction) -> Self {
        Self { function, entries: OrdMap::new() }
    }

    /// The built-in index by the uids of owners.
    pub(super) fn by_owner() -> Self {
        let uids = |object: &CachedObject| -> Vec<String> {
            object.header().owners.iter().map(|owner| owner.uid.to_string()).collect()
        };
        Self::new(Arc::new(uids))
    }

    pub(super) fn insert(&mut self, object: &Arc<CachedObject>) {
        for value in (self.function)(object) {
            let found = self.entries.entry(value.into()).or_default();
            found.insert(object.key().clone(), Arc::clone(object));
        }
    }

    /// Takes an object out; a value without objects disappears (conformance S1).
    pub(super) fn remove(&mut self, object: &CachedObject) {
        for value in (self.function)(object) {
            let value: Arc<str> = value.into();
            let Some(found) = self.entries.get_mut(&value) else { continue };
            found.remove(object.key());
            if found.is_empty() {
                self.entries.remove(&value);
            }
        }
    }

    pub(super) fn get(&self, value: &str) -> Option<&Objects> {
        self.entries.get(value)
    }

    /// How many values find something.
    #[cfg(test)]
    pub(super) fn value_count(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").field("values", &self.entries.len()).finish_non_exhaustive()
    }
}
