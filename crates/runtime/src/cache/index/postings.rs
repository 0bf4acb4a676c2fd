//! Which keys have which values.

use std::cmp::Ordering;

use pilothouse_machinery::ObjectKey;

use crate::cache::contents::compare_keys;
use crate::cache::tree::{Entry, Tree};

/// Pairs of a value and the key of an object that has it, ordered by value, then key. Cloning shares them.
///
/// Without a bucket per value there is none that could stay behind empty (conformance S1).
#[derive(Debug)]
pub(in crate::cache) struct Postings<K: Ord + Clone> {
    pairs: Tree<Posting<K>>,
}

#[derive(Clone, Debug)]
pub(in crate::cache) struct Posting<K> {
    value: K,
    key: ObjectKey,
}

impl<K: Ord + Clone> Entry for Posting<K> {
    type Key = Self;
    type Tag = ();

    fn key(&self) -> &Self {
        self
    }

    fn compare(one: &Self, two: &Self) -> Ordering {
        one.value.cmp(&two.value).then_with(|| compare_keys(&one.key, &two.key))
    }

    fn tag(_: &Self) {}
}

impl<K: Ord + Clone> Clone for Postings<K> {
    fn clone(&self) -> Self {
        Self { pairs: self.pairs.clone() }
    }
}

impl<K: Ord + Clone> Default for Postings<K> {
    fn default() -> Self {
        Self { pairs: Tree::default() }
    }
}

impl<K: Ord + Clone> Postings<K> {
    /// From pairs in any order, each at most once.
    pub(in crate::cache) fn from_pairs(pairs: impl IntoIterator<Item = (K, ObjectKey)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().map(|(value, key)| Posting { value, key }).collect();
        pairs.sort_unstable_by(Posting::compare);
        Self { pairs: Tree::from_sorted(pairs) }
    }

    /// From pairs that come in the order of values, then keys, each once.
    pub(in crate::cache) fn from_sorted(pairs: impl IntoIterator<Item = (K, ObjectKey)>) -> Self {
        Self { pairs: Tree::from_sorted(pairs.into_iter().map(|(value, key)| Posting { value, key })) }
    }

    pub(in crate::cache) fn insert(&mut self, value: K, key: ObjectKey) {
        self.pairs.insert(Posting { value, key });
    }

    pub(in crate::cache) fn remove(&mut self, value: &K, key: &ObjectKey) {
        self.pairs.remove(|pair| pair.value.cmp(value).then_with(|| compare_keys(&pair.key, key)));
    }

    /// The keys of the objects with the value for which `probe` says equal, in order, from those of `namespace`
    /// on, or all.
    pub(in crate::cache) fn keys_of<'a, P>(
        &'a self,
        probe: P,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a ObjectKey> + use<'a, K, P>
    where
        P: Fn(&K) -> Ordering,
    {
        let pairs = self.pairs.iter_from(|pair| {
            probe(&pair.value)
                .then_with(|| (*pair.key.namespace).cmp(namespace.unwrap_or_default()))
                .then(Ordering::Greater)
        });
        pairs.take_while(move |pair| probe(&pair.value).is_eq()).map(|pair| &pair.key)
    }

    /// The first of the pairs whose value is the one for which `probe` says equal.
    pub(in crate::cache) fn first(&self, probe: impl Fn(&K) -> Ordering) -> Option<(&K, &ObjectKey)> {
        let first = self.pairs.iter_from(|pair| probe(&pair.value).then(Ordering::Greater)).next()?;
        probe(&first.value).is_eq().then_some((&first.value, &first.key))
    }

    /// Whether the object of this key has the value for which `probe` says equal.
    pub(in crate::cache) fn contains(&self, probe: impl Fn(&K) -> Ordering, key: &ObjectKey) -> bool {
        self.pairs.get(|pair| probe(&pair.value).then_with(|| compare_keys(&pair.key, key))).is_some()
    }

    /// The values that objects have, in order.
    pub(in crate::cache) fn values(&self) -> impl Iterator<Item = &K> {
        let mut last = None;
        self.pairs.iter().map(|pair| &pair.value).filter(move |value| last.replace(*value) != Some(*value))
    }

    /// All pairs in order.
    #[cfg(any(test, debug_assertions))]
    pub(in crate::cache) fn pairs(&self) -> impl Iterator<Item = (&K, &ObjectKey)> {
        self.pairs.check_invariants();
        self.pairs.iter().map(|pair| (&pair.value, &pair.key))
    }
}
