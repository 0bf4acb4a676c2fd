//! What a user's index holds at one time.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::{Definition, Postings};
use crate::cache::CachedObject;
use crate::cache::contents::{compare_keys, tag};
use crate::cache::tree::{Entry, Tree};

/// The values of one object, in order, each once.
pub(in crate::cache) type Values<K> = Arc<[K]>;

/// A user's index. Cloning shares everything.
pub(in crate::cache) struct IndexState<K: Ord + Clone> {
    definition: Arc<Definition<K>>,
    postings: Postings<K>,
    /// What each object is found under; only objects with any value. So the closure runs once per version of an
    /// object, and an object is taken out from where it was put, also when the closure answers differently now.
    remembered: Tree<Remembered<K>>,
}

struct Remembered<K> {
    key: ObjectKey,
    values: Values<K>,
}

impl<K> Clone for Remembered<K> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), values: Arc::clone(&self.values) }
    }
}

impl<K> Entry for Remembered<K> {
    type Key = ObjectKey;
    type Tag = u16;

    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn compare(one: &ObjectKey, two: &ObjectKey) -> Ordering {
        compare_keys(one, two)
    }

    fn tag(key: &ObjectKey) -> u16 {
        tag(key)
    }
}

/// What a store does with an index, whatever the type of its values.
pub(in crate::cache) trait AnyIndex: Send + Sync + fmt::Debug {
    fn name(&self) -> &str;
    fn as_any(&self) -> &dyn Any;
    /// A copy that can be changed.
    fn copy(&self) -> Arc<dyn AnyIndex>;
    /// Whether the object of this key is found under just these [`Values`].
    fn is_current(&self, key: &ObjectKey, values: &(dyn Any + Send)) -> bool;
    /// Finds the object of this key under these [`Values`] and no others.
    fn set(&mut self, key: &ObjectKey, values: Box<dyn Any + Send>);
    /// Whether there is anything to remove.
    fn knows(&self, key: &ObjectKey) -> bool;
    /// Forgets the object of this key.
    fn remove(&mut self, key: &ObjectKey);
    #[cfg(any(test, debug_assertions))]
    fn check_invariants(&self, is_present: &dyn Fn(&ObjectKey) -> bool);
}

impl<K: Ord + Clone + Send + Sync + 'static> IndexState<K> {
    pub(super) fn build(
        definition: Arc<Definition<K>>,
        objects: &mut dyn Iterator<Item = &Arc<CachedObject>>,
    ) -> Self {
        let remembered: Vec<_> = objects
            .map(|object| Remembered { key: object.key().clone(), values: definition.values(object) })
            .filter(|remembered| !remembered.values.is_empty())
            .collect();
        let pairs = remembered.iter().flat_map(|remembered| {
            remembered.values.iter().map(|value| (value.clone(), remembered.key.clone()))
        });
        let postings = Postings::from_pairs(pairs);
        Self { definition, postings, remembered: Tree::from_sorted(remembered) }
    }

    pub(in crate::cache) fn definition(&self) -> &Arc<Definition<K>> {
        &self.definition
    }

    pub(in crate::cache) fn postings(&self) -> &Postings<K> {
        &self.postings
    }

    fn values_of(&self, key: &ObjectKey) -> &[K] {
        let remembered = self.remembered.find(key);
        remembered.map(|remembered| &*remembered.values).unwrap_or_default()
    }

    fn put(&mut self, key: &ObjectKey, values: Values<K>) {
        let old = match self.remembered.remove(|known| compare_keys(known, key)) {
            Some(remembered) => remembered.values,
            None => Arc::new([]),
        };
        for value in old.iter().filter(|value| values.binary_search(value).is_err()) {
            self.postings.remove(value, key);
        }
        for value in values.iter().filter(|value| old.binary_search(value).is_err()) {
            self.postings.insert(value.clone(), key.clone());
        }
        if !values.is_empty() {
            self.remembered.insert(Remembered { key: key.clone(), values });
        }
    }
}

impl<K: Ord + Clone + Send + Sync + 'static> AnyIndex for IndexState<K> {
    fn name(&self) -> &str {
        self.definition.name_text()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn copy(&self) -> Arc<dyn AnyIndex> {
        Arc::new(Self {
            definition: Arc::clone(&self.definition),
            postings: self.postings.clone(),
            remembered: self.remembered.clone(),
        })
    }

    fn is_current(&self, key: &ObjectKey, values: &(dyn Any + Send)) -> bool {
        values.downcast_ref::<Values<K>>().is_none_or(|values| **values == *self.values_of(key))
    }

    fn set(&mut self, key: &ObjectKey, values: Box<dyn Any + Send>) {
        if let Ok(values) = values.downcast::<Values<K>>() {
            self.put(key, *values);
        }
    }

    fn knows(&self, key: &ObjectKey) -> bool {
        !self.values_of(key).is_empty()
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.put(key, Arc::new([]));
    }

    #[cfg(any(test, debug_assertions))]
    fn check_invariants(&self, is_present: &dyn Fn(&ObjectKey) -> bool) {
        self.remembered.check_invariants();
        let mut pairs: Vec<_> = self
            .remembered
            .iter()
            .flat_map(|remembered| remembered.values.iter().map(|value| (value, &remembered.key)))
            .collect();
        pairs.sort();
        assert!(self.postings.pairs().eq(pairs), "what is found is what is remembered");
        assert!(
            self.remembered.iter().all(|remembered| is_present(&remembered.key)),
            "of objects that are there"
        );
    }
}

impl<K: Ord + Clone> fmt::Debug for IndexState<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.definition.fmt(formatter)
    }
}
