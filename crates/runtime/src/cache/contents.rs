//! What a store holds at one time.

use std::cmp::Ordering;
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::CachedObject;
use super::index::{AnyIndex, OwnerIndex};
use super::tree::{Entry, Tree};

/// Objects by key.
pub(super) type Objects = Tree<Arc<CachedObject>>;

impl Entry for Arc<CachedObject> {
    type Key = ObjectKey;

    fn key(&self) -> &ObjectKey {
        CachedObject::key(self)
    }

    fn compare(one: &ObjectKey, two: &ObjectKey) -> Ordering {
        compare_keys(one, two)
    }
}

/// The order of keys. Namespaces are shared texts: mostly, one look at the pointers does.
pub(super) fn compare_keys(one: &ObjectKey, two: &ObjectKey) -> Ordering {
    if !Arc::ptr_eq(&one.namespace, &two.namespace) {
        let namespaces = one.namespace.cmp(&two.namespace);
        if namespaces.is_ne() {
            return namespaces;
        }
    }
    one.name.cmp(&two.name)
}

/// Objects, indexes and version of one state. Cloning shares all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) objects: Objects,
    pub(super) owners: OwnerIndex,
    /// In the order in which they were added.
    pub(super) indexes: Vec<Arc<dyn AnyIndex>>,
    /// C-I3: advances with events and bookmarks; only a complete list takes it back.
    pub(super) resource_version: ResourceVersion,
    /// How often a complete list took the version back: versions of different histories do not compare.
    pub(super) history: u64,
}

impl Contents {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Arc<CachedObject>> {
        self.objects.get(|known| compare_keys(known, key))
    }

    /// Puts an object in the place of what has its key, which is returned. `values` are those of the object for
    /// each index.
    pub(super) fn insert(
        &mut self,
        object: &Arc<CachedObject>,
        values: Vec<Box<dyn std::any::Any + Send>>,
    ) -> Option<Arc<CachedObject>> {
        for (index, values) in self.indexes.iter_mut().zip(values) {
            if !index.is_current(object.key(), &*values)
                && let Some(index) = owned(index)
            {
                index.set(object.key(), values);
            }
        }
        let previous = self.objects.insert(Arc::clone(object));
        self.owners.update(previous.as_deref(), Some(object));
        previous
    }

    /// Takes the object of a key out.
    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<CachedObject>> {
        let previous = self.objects.remove(|known| compare_keys(known, key))?;
        self.owners.update(Some(&previous), None);
        for index in self.indexes.iter_mut().filter(|index| index.knows(key)) {
            if let Some(index) = owned(index) {
                index.remove(key);
            }
        }
        Some(previous)
    }

    /// Advances to `version`; never goes back (conformance S4), nor to no version at all.
    pub(super) fn advance(&mut self, version: &ResourceVersion) {
        if !version.is_zero() && !self.resource_version.is_at_least(version) {
            self.resource_version = version.clone();
        }
    }

    /// Takes on the version of a complete list, also a lower one: the server's history went back.
    pub(super) fn follow(&mut self, version: &ResourceVersion) {
        if version.is_zero() {
            return;
        }
        self.history += u64::from(version.compare(&self.resource_version).is_some_and(Ordering::is_lt));
        self.resource_version = version.clone();
    }

    /// Panics where objects and indexes do not agree.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        self.objects.check_invariants();
        self.owners.check_invariants(self.objects.iter());
        self.indexes.iter().for_each(|index| index.check_invariants(&|key| self.get(key).is_some()));
    }
}

/// The index itself where nobody else holds it, else a copy in its place.
fn owned(index: &mut Arc<dyn AnyIndex>) -> Option<&mut (dyn AnyIndex + 'static)> {
    if Arc::get_mut(index).is_none() {
        *index = index.copy();
    }
    Arc::get_mut(index)
}
