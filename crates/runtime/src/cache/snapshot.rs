//! One state of a store.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::CachedObject;
use super::index::{Index, NAMESPACE, OWNER, Objects};

/// One state of a store: what it held at one resource version, whatever happens to the store later.
///
/// Cheap to clone. Iteration is in key order: by namespace, then name.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) contents: Arc<Contents>,
}

#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) objects: Objects,
    /// By name. Few, so a list that is copied with each write.
    pub(super) indexes: Vec<(Arc<str>, Index)>,
    pub(super) resource_version: ResourceVersion,
}

impl Default for Contents {
    fn default() -> Self {
        Self {
            objects: Objects::new(),
            indexes: vec![(OWNER.into(), Index::by_owner())],
            resource_version: ResourceVersion::ZERO,
        }
    }
}

impl Snapshot {
    /// The version that the snapshot stands for; zero before the first list.
    #[must_use]
    pub fn resource_version(&self) -> &ResourceVersion {
        &self.contents.resource_version
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contents.objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contents.objects.is_empty()
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<CachedObject>> {
        self.contents.objects.get(key)
    }

    /// All objects in key order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CachedObject>> {
        self.contents.objects.values()
    }

    /// The objects whose keys are greater than `key`, in key order; all without one.
    pub(super) fn after(&self, key: Option<&ObjectKey>) -> impl Iterator<Item = &Arc<CachedObject>> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.contents.objects.range::<_, ObjectKey>((from, Bound::Unbounded)).map(|(_, object)| object)
    }

    /// The objects of one namespace in the order of their names.
    pub fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<CachedObject>> {
        self.contents
            .objects
            .range(ObjectKey::new(namespace, "")..)
            .take_while(move |(key, _)| *key.namespace == *namespace)
            .map(|(_, object)| object)
    }

    /// The objects that the index called `name` finds under `value`, in key order; none when there is no such
    /// index. `namespace` and `owner` (by the uid of any owner) always exist.
    #[must_use]
    pub fn by_index(&self, name: &str, value: &str) -> Vec<Arc<CachedObject>> {
        if name == NAMESPACE {
            return self.in_namespace(value).cloned().collect();
        }
        let found = self.contents.index(name).and_then(|index| index.get(value));
        found.into_iter().flat_map(OrdMap::values).cloned().collect()
    }
}

impl Contents {
    /// The index of this name.
    pub(super) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|(known, _)| **known == *name).map(|(_, index)| index)
    }

    /// Puts an object in the place of what has its key, which is returned.
    pub(super) fn insert(&mut self, object: &Arc<CachedObject>) -> Option<Arc<CachedObject>> {
        let previous = self.objects.insert(object.key().clone(), Arc::clone(object));
        self.reindex(previous.as_deref(), Some(object));
        previous
    }

    /// Takes the object of a key out.
    pub(super) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<CachedObject>> {
        let previous = self.objects.remove(key);
        self.reindex(previous.as_deref(), None);
        previous
    }

    fn reindex(&mut self, old: Option<&CachedObject>, new: Option<&Arc<CachedObject>>) {
        for (_, index) in &mut self.indexes {
            if let Some(old) = old {
                index.remove(old);
            }
            if let Some(new) = new {
                index.insert(new);
            }
        }
    }

    /// Advances to `version`; never goes back (conformance S4), nor to no version at all.
    pub(super) fn advance(&mut self, version: &ResourceVersion) {
        if !version.is_zero() && !self.resource_version.is_at_least(version) {
            self.resource_version = version.clone();
        }
    }
}
