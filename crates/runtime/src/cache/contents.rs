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
    type Tag = u16;

    fn key(&self) -> &ObjectKey {
        CachedObject::key(self)
    }

    fn compare(one: &ObjectKey, two: &ObjectKey) -> Ordering {
        compare_keys(one, two)
    }

    fn tag(key: &ObjectKey) -> u16 {
        tag(key)
    }
}

/// The order of keys. Namespaces are shared texts, and so are the keys of one object in store and indexes: often, one
/// look at the pointers does.
pub(super) fn compare_keys(one: &ObjectKey, two: &ObjectKey) -> Ordering {
    compare_texts(&one.namespace, &two.namespace).then_with(|| compare_texts(&one.name, &two.name))
}

fn compare_texts(one: &Arc<str>, two: &Arc<str>) -> Ordering {
    if Arc::ptr_eq(one, two) { Ordering::Equal } else { one.cmp(two) }
}

/// Some bits of a key. Fast and even, not safe against who wants two keys to have the same: a search compares what it
/// finds, and such keys cost it some comparisons more.
pub(super) fn tag(key: &ObjectKey) -> u16 {
    let namespace = words(key.namespace.len() as u64, key.namespace.as_bytes());
    // The high bits of a product depend on all bits of its factors.
    let [.., low, high] = words(namespace, key.name.as_bytes()).to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Mixes bytes into `state`, eight at a time.
fn words(state: u64, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state.rotate_left(29) ^ word).wrapping_mul(ODD);
    let (words, rest) = bytes.as_chunks::<8>();
    let state = words.iter().fold(state, |state, word| mix(state, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(state, u64::from_le_bytes(last))
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
        self.objects.find(key)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_little_have_different_tags() {
        let names = (0..1000).map(|number| ObjectKey::new("default", format!("web-5d8f7c6b9-{number:05}")));
        let ends = (b'a'..=b'z').map(|end| ObjectKey::new("default", format!("db-{}", char::from(end))));
        let namespaces = (0..1000).map(|number| ObjectKey::new(format!("team-{number}"), "kube-root-ca.crt"));
        let mut tags: Vec<_> = names.chain(ends).chain(namespaces).map(|key| tag(&key)).collect();
        let count = tags.len();
        tags.sort_unstable();
        tags.dedup();
        // By chance, about 30 would have the tag of another.
        assert!(tags.len() > count - 80, "{} tags of {count} keys", tags.len());
    }
}
