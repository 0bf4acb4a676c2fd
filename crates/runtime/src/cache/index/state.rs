//! What a user's index holds at one time.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::groups::Groups;
use super::{Definition, Postings};
use crate::cache::CachedObject;
use crate::cache::contents::{compare_keys, tag};
use crate::cache::tree::{Entry, Tree};

/// The values of one object, in order, each once. Objects share them: many have the same.
pub(in crate::cache) type Values<K> = Arc<[Arc<K>]>;

/// A user's index. Cloning shares everything.
pub(in crate::cache) struct IndexState<K: Ord + Clone> {
    definition: Arc<Definition<K>>,
    postings: Postings<Arc<K>>,
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
    /// The index over these objects, which come in the order of their keys.
    pub(super) fn build(
        definition: Arc<Definition<K>>,
        objects: &mut dyn Iterator<Item = &Arc<CachedObject>>,
    ) -> Self {
        let (mut groups, mut remembered) = (Groups::default(), Vec::new());
        for object in objects {
            let key = object.key();
            let alone: Vec<Values<K>> =
                definition.compute(object).into_iter().map(|value| groups.add(value, key)).collect();
            let values = match &*alone {
                [] => continue,
                [values] => Arc::clone(values),
                several => several.iter().flat_map(|values| values.iter().cloned()).collect(),
            };
            remembered.push(Remembered { key: key.clone(), values });
        }
        Self { definition, postings: groups.into_postings(), remembered: Tree::from_sorted(remembered) }
    }

    pub(in crate::cache) fn definition(&self) -> &Arc<Definition<K>> {
        &self.definition
    }

    pub(in crate::cache) fn postings(&self) -> &Postings<Arc<K>> {
        &self.postings
    }

    fn values_of(&self, key: &ObjectKey) -> Option<&Values<K>> {
        self.remembered.find(key).map(|remembered| &remembered.values)
    }

    /// These values, in the copy of the first object that has the first of them, if it has the same; else each in the
    /// copy of any object that has it.
    fn shared(&self, values: &Values<K>) -> Values<K> {
        let found = |value: &Arc<K>| self.postings.first(|known| known.cmp(value));
        let list = values.first().and_then(|first| self.values_of(found(first)?.1));
        if let Some(list) = list.filter(|list| *list == values) {
            return Arc::clone(list);
        }
        values.iter().map(|value| Arc::clone(found(value).map_or(value, |(known, _)| known))).collect()
    }

    fn put(&mut self, key: &ObjectKey, values: &Values<K>) {
        let values = self.shared(values);
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
        values
            .downcast_ref::<Values<K>>()
            .is_none_or(|values| self.values_of(key).map_or(values.is_empty(), |known| known == values))
    }

    fn set(&mut self, key: &ObjectKey, values: Box<dyn Any + Send>) {
        if let Ok(values) = values.downcast::<Values<K>>() {
            self.put(key, &values);
        }
    }

    fn knows(&self, key: &ObjectKey) -> bool {
        self.values_of(key).is_some()
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.put(key, &Values::<K>::default());
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

#[cfg(test)]
mod tests {
    use pilothouse_machinery::ResourceType;
    use serde_json::json;

    use super::*;
    use crate::cache::index::AnyDefinition;

    /// An object found under each character of `letters`.
    fn object(name: &str, letters: &str) -> Arc<CachedObject> {
        let value = json!({"metadata": {"name": name, "labels": {"letters": letters}}});
        let resource = ResourceType::namespaced("", "v1", "configmaps", "ConfigMap");
        Arc::new(CachedObject::from_value(&value, &resource).unwrap())
    }

    #[test]
    fn objects_with_the_same_values_share_them_from_the_start_and_after_changes() {
        let letters =
            |object: &CachedObject| object.labels().get("letters").unwrap_or_default().chars().collect();
        let definition = Arc::new(Definition::new("letters", Box::new(letters)));
        let objects = [("a", "x"), ("b", "x"), ("d", "y"), ("e", ""), ("g", "xy")];
        let objects = objects.map(|(name, letters)| object(name, letters));
        let mut index = IndexState::build(Arc::clone(&definition), &mut objects.iter());
        let values =
            |index: &IndexState<char>, name: &str| index.values_of(&ObjectKey::new("", name)).cloned();
        let shares = |index: &IndexState<char>, one: &str, other: &str| {
            Arc::ptr_eq(&values(index, one).unwrap(), &values(index, other).unwrap())
        };
        assert!(shares(&index, "a", "b") && !shares(&index, "a", "d") && values(&index, "e").is_none());
        let both = values(&index, "g").unwrap();
        assert!(Arc::ptr_eq(&both[0], &values(&index, "a").unwrap()[0]));
        for (name, letters) in [("a", "y"), ("e", "xz"), ("f", "z")] {
            let object = object(name, letters);
            index.set(object.key(), definition.prepare(&object));
        }
        assert!(shares(&index, "a", "d"));
        let several = values(&index, "e").unwrap();
        assert!(Arc::ptr_eq(&several[0], &values(&index, "b").unwrap()[0]));
        let found: Vec<_> =
            index.postings().pairs().map(|(value, key)| format!("{value}{}", key.name)).collect();
        assert_eq!(found, ["xb", "xe", "xg", "ya", "yd", "yg", "ze", "zf"]);
    }
}
