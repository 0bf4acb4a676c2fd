//! One copy of what many objects say alike.

use std::sync::Arc;

use super::hash::{ByHash, hash};
use super::{LabelSet, OwnerHeader, Uid};

/// Shares equal texts, label sets and owner lists between headers.
///
/// **Guarantees.** What comes out always equals what went in; sharing is an economy, so two that collide are just not
/// shared. Bounded by what is in use: when a table has doubled since it was last swept, entries that nobody else holds
/// are dropped.
#[derive(Debug, Default)]
pub struct Interner {
    texts: Table<Arc<str>>,
    labels: Table<Arc<LabelSet>>,
    owners: Table<Arc<[OwnerHeader]>>,
    no_labels: Arc<LabelSet>,
    no_owners: Arc<[OwnerHeader]>,
    empty: Arc<str>,
}

/// One owner reference, its texts borrowed from the object that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerFields<'a> {
    /// The owner's `apiVersion`.
    pub api_version: &'a str,
    /// The owner's kind.
    pub kind: &'a str,
    /// The owner's name.
    pub name: &'a str,
    /// The owner's uid.
    pub uid: &'a str,
    /// Whether this owner is the managing controller.
    pub controller: bool,
}

/// Entries by hash, and how many there may be before those without other holders go.
#[derive(Debug)]
struct Table<V> {
    entries: ByHash<V>,
    sweep_at: usize,
}

/// The fewest entries that are worth a sweep.
const SMALLEST_SWEEP: usize = 1024;

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { entries: ByHash::default(), sweep_at: SMALLEST_SWEEP }
    }
}

impl<V: Held> Table<V> {
    /// The entry of this hash that is `same`, or a new one.
    fn get(&mut self, hash: u64, same: impl FnOnce(&V) -> bool, make: impl FnOnce() -> V) -> V {
        if let Some(found) = self.entries.get(&hash) {
            return if same(found) { found.clone() } else { make() };
        }
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|_, entry| entry.is_held());
            self.sweep_at = SMALLEST_SWEEP.max(self.entries.len() * 2);
        }
        let made = make();
        self.entries.insert(hash, made.clone());
        made
    }
}

/// What is counted.
trait Held: Clone {
    /// Whether anybody beside the table holds it.
    fn is_held(&self) -> bool;
}

impl<T: ?Sized> Held for Arc<T> {
    fn is_held(&self) -> bool {
        Arc::strong_count(self) > 1
    }
}

impl Interner {
    /// An interner that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The one copy of this text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        if text.is_empty() {
            return Arc::clone(&self.empty);
        }
        self.texts.get(hash(0, text.as_bytes()), |found| **found == *text, || text.into())
    }

    /// The one copy of these labels. They may come in any order; of pairs with the same key the last counts. The
    /// slice is left sorted.
    pub fn labels(&mut self, pairs: &mut [(&str, &str)]) -> Arc<LabelSet> {
        if pairs.is_empty() {
            return Arc::clone(&self.no_labels);
        }
        if pairs.is_sorted_by(|(one, _), (two, _)| one < two) {
            return self.sorted_labels(pairs);
        }
        pairs.sort_by_key(|(key, _)| *key);
        let mut once: Vec<(&str, &str)> = Vec::with_capacity(pairs.len());
        for pair in &*pairs {
            match once.last_mut() {
                Some(last) if last.0 == pair.0 => *last = *pair,
                _ => once.push(*pair),
            }
        }
        self.sorted_labels(&once)
    }

    fn sorted_labels(&mut self, pairs: &[(&str, &str)]) -> Arc<LabelSet> {
        let Self { texts, labels, empty, .. } = self;
        let hash_of =
            |state, (key, value): &(&str, &str)| hash(hash(state, key.as_bytes()), value.as_bytes());
        let mut share = |text: &str| match text {
            "" => Arc::clone(empty),
            text => texts.get(hash(0, text.as_bytes()), |found| **found == *text, || text.into()),
        };
        labels.get(
            pairs.iter().fold(0, hash_of),
            |found| found.iter().eq(pairs.iter().copied()),
            || Arc::new(LabelSet::from_sorted(pairs.iter().map(|(key, value)| (share(key), share(value))))),
        )
    }

    /// The one copy of these owner references, in their order.
    pub fn owners(&mut self, owners: &[OwnerFields<'_>]) -> Arc<[OwnerHeader]> {
        if owners.is_empty() {
            return Arc::clone(&self.no_owners);
        }
        let hash_of = |state, owner: &OwnerFields<'_>| {
            let texts = [owner.api_version, owner.kind, owner.name, owner.uid];
            texts.iter().fold(state ^ u64::from(owner.controller), |state, text| hash(state, text.as_bytes()))
        };
        let hash = owners.iter().fold(0, hash_of);
        let same = |found: &Arc<[OwnerHeader]>| {
            found.len() == owners.len() && found.iter().zip(owners).all(|(one, two)| two.are_of(one))
        };
        if let Some(found) = self.owners.entries.get(&hash).filter(|found| same(found)) {
            return Arc::clone(found);
        }
        let made: Arc<[OwnerHeader]> = owners.iter().map(|owner| self.owner(owner)).collect();
        self.owners.get(hash, same, || made)
    }

    fn owner(&mut self, owner: &OwnerFields<'_>) -> OwnerHeader {
        OwnerHeader {
            api_version: self.text(owner.api_version),
            kind: self.text(owner.kind),
            name: self.text(owner.name),
            uid: Uid::parse(owner.uid),
            controller: owner.controller,
        }
    }
}

impl OwnerFields<'_> {
    fn are_of(&self, header: &OwnerHeader) -> bool {
        (&*header.api_version, &*header.kind, &*header.name) == (self.api_version, self.kind, self.name)
            && header.uid == *self.uid
            && header.controller == self.controller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: OwnerFields<'_> = OwnerFields {
        api_version: "apps/v1",
        kind: "ReplicaSet",
        name: "web-1",
        uid: "u-1",
        controller: true,
    };

    #[test]
    fn equal_texts_labels_and_owners_are_one_and_unequal_ones_are_not() {
        let mut interner = Interner::new();
        assert!(Arc::ptr_eq(&interner.text("team-01"), &interner.text("team-01")));
        assert!(Arc::ptr_eq(&interner.text(""), &interner.text("")));
        let one = interner.labels(&mut [("a", "1"), ("b", "2")]);
        let two = interner.labels(&mut [("b", "0"), ("a", "1"), ("b", "2")]);
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(two.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_ne!(one, interner.labels(&mut [("a", "1b2")]));
        let other = OwnerFields { controller: false, ..OWNER };
        let owned = interner.owners(&[OWNER, other]);
        assert!(Arc::ptr_eq(&owned, &interner.owners(&[OWNER, other])));
        assert_ne!(owned, interner.owners(&[OWNER, OWNER]));
        assert_eq!((&*owned[0].name, owned[0].controller, owned[1].controller), ("web-1", true, false));
        assert!(interner.owners(&[]).is_empty() && interner.labels(&mut []).is_empty());
    }

    #[test]
    fn what_nobody_holds_is_dropped_when_a_table_has_doubled() {
        let mut interner = Interner::new();
        let held: Vec<_> =
            (0..100).map(|number| interner.labels(&mut [("held", &number.to_string())])).collect();
        for number in 0..50_000 {
            interner.labels(&mut [("name", &number.to_string())]);
            interner.owners(&[OwnerFields { name: &number.to_string(), ..OWNER }]);
        }
        for entries in [interner.labels.entries.len(), interner.owners.entries.len()] {
            assert!(entries <= SMALLEST_SWEEP, "{entries}");
        }
        assert!(interner.texts.entries.len() <= 4 * SMALLEST_SWEEP, "{}", interner.texts.entries.len());
        for (number, held) in held.iter().enumerate() {
            assert!(Arc::ptr_eq(held, &interner.labels(&mut [("held", &number.to_string())])));
        }
    }
}
