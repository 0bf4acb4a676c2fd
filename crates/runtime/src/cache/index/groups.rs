//! Building an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::Postings;
use super::state::Values;

/// Values and the keys of the objects that have them, while an index is built.
pub(super) struct Groups<K> {
    numbers: BTreeMap<Arc<K>, usize>,
    groups: Vec<Group<K>>,
}

struct Group<K> {
    /// What an object has that has no other value.
    alone: Values<K>,
    /// In order.
    keys: Vec<ObjectKey>,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), groups: Vec::new() }
    }
}

impl<K: Ord + Clone> Groups<K> {
    /// Adds the object of this key, which comes after all before it, under a value; the list of just this value.
    pub(super) fn add(&mut self, value: K, key: &ObjectKey) -> Values<K> {
        let known = self.numbers.get(&value).copied();
        let number = known.unwrap_or_else(|| {
            let value = Arc::new(value);
            self.groups.push(Group { alone: Arc::new([Arc::clone(&value)]), keys: Vec::new() });
            self.numbers.insert(value, self.groups.len() - 1);
            self.groups.len() - 1
        });
        let group = &mut self.groups[number];
        group.keys.push(key.clone());
        Arc::clone(&group.alone)
    }

    pub(super) fn into_postings(self) -> Postings<Arc<K>> {
        let Self { numbers, mut groups } = self;
        Postings::from_sorted(numbers.into_iter().flat_map(move |(value, number)| {
            let keys = std::mem::take(&mut groups[number].keys);
            keys.into_iter().map(move |key| (Arc::clone(&value), key))
        }))
    }
}
