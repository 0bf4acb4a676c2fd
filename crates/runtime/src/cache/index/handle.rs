//! Typed reads of an index.

use std::fmt;
use std::sync::Arc;

use super::{AnyDefinition, Definition, IndexError, IndexState};
use crate::cache::{CachedObject, Informer, Snapshot, Store};

/// An index that was added to an informer. It follows the informer's store and keeps the informer running.
///
/// **Flow.** Single reads see the state of their moment; [`on`](Self::on) gives several reads of one state. Conditions
/// on several indexes meet in [`Query::index`](crate::cache::Query::index).
///
/// **Guarantees.**
///
/// - **C-I4** an object is found if and only if it is there and has the value;
/// - **S1**, **S2** a value goes with its last object; an object with several values is found by each;
/// - **S3** objects that were there before the index are in it.
///
/// **Assumptions.** The index's function is quick: the informer waits for it. Comparing values does not panic.
///
/// **Errors.** [`IndexError`] when the name is taken.
///
/// **Panics.** Never; see [`panics`](Self::panics) for those of the function.
pub struct Index<K> {
    pub(in crate::cache) definition: Arc<Definition<K>>,
    store: Store,
    /// Held so that it goes on.
    informer: Option<Informer>,
}

/// An index as of one state.
#[derive(Debug)]
pub struct IndexView<'a, K: Ord + Clone> {
    snapshot: &'a Snapshot,
    state: &'a IndexState<K>,
}

impl<K> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self {
            definition: Arc::clone(&self.definition),
            store: self.store.clone(),
            informer: self.informer.clone(),
        }
    }
}

impl<K: Ord + Clone + Send + Sync + 'static> Index<K> {
    /// The index's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.definition.name_text()
    }

    /// The objects with this value, in key order.
    #[must_use]
    pub fn get(&self, value: &K) -> Vec<Arc<CachedObject>> {
        let snapshot = self.store.snapshot();
        self.on(&snapshot).map(|view| view.get(value).cloned().collect()).unwrap_or_default()
    }

    /// The values that objects have, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        let snapshot = self.store.snapshot();
        self.on(&snapshot).map(|view| view.keys().cloned().collect()).unwrap_or_default()
    }

    /// How many objects have this value.
    #[must_use]
    pub fn count(&self, value: &K) -> usize {
        let snapshot = self.store.snapshot();
        self.on(&snapshot).map(|view| view.count(value)).unwrap_or_default()
    }

    /// The index as of a snapshot; `None` when that is of another store or older than the index.
    #[must_use]
    pub fn on<'a>(&self, snapshot: &'a Snapshot) -> Option<IndexView<'a, K>> {
        let state = self.definition.state_in(snapshot)?;
        Some(IndexView { snapshot, state })
    }

    /// How often the index's closure has panicked. An object at which it did is in the store as every other, but
    /// not found by this index.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.definition.panics()
    }
}

impl<K: Ord + Clone + Send + Sync + 'static> Definition<K> {
    /// What the index holds in one state, where it is part of it.
    pub(in crate::cache) fn state_in<'a>(
        self: &Arc<Self>,
        snapshot: &'a Snapshot,
    ) -> Option<&'a IndexState<K>> {
        let states = snapshot.contents.indexes.iter().filter_map(|index| index.as_any().downcast_ref());
        states.into_iter().find(|state: &&IndexState<K>| Arc::ptr_eq(state.definition(), self))
    }
}

impl<'a, K: Ord + Clone + Send + Sync + 'static> IndexView<'a, K> {
    /// The objects with this value, in key order.
    pub fn get(&self, value: &'a K) -> impl Iterator<Item = &'a Arc<CachedObject>> + use<'a, K> {
        self.snapshot.resolve(self.state.postings().keys_of(move |known| (**known).cmp(value), None))
    }

    /// The values that objects have, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'a K> + use<'a, K> {
        self.state.postings().values().map(|value| &**value)
    }

    /// How many objects have this value.
    #[must_use]
    pub fn count(&self, value: &K) -> usize {
        self.state.postings().keys_of(|known| (**known).cmp(value), None).count()
    }
}

impl Informer {
    /// Adds an index: from an object to the values it is found under, any number of them. Objects present are in it
    /// when this returns; writers and readers go on meanwhile.
    ///
    /// The closure runs once per version of an object, where no reader waits for it but the informer does: it must be
    /// quick. It may answer differently for one object at different times; the object is found under what was
    /// answered last. Comparing values must not panic.
    ///
    /// **Errors.** The name is taken, by an index or by one that is being added.
    ///
    /// **Panics.** Not when the closure does: the object then has no values in this index, the first time is
    /// logged, and all are counted in [`Index::panics`].
    pub fn add_index<K, V>(
        &self,
        name: &str,
        values: impl Fn(&CachedObject) -> V + Send + Sync + 'static,
    ) -> Result<Index<K>, IndexError>
    where
        K: Ord + Clone + Send + Sync + 'static,
        V: IntoIterator<Item = K>,
    {
        let mut index = self.store().index(name, values)?;
        index.informer = Some(self.clone());
        Ok(index)
    }
}

impl Store {
    /// Adds an index that does not keep the informer running.
    pub(in crate::cache) fn index<K, V>(
        &self,
        name: &str,
        values: impl Fn(&CachedObject) -> V + Send + Sync + 'static,
    ) -> Result<Index<K>, IndexError>
    where
        K: Ord + Clone + Send + Sync + 'static,
        V: IntoIterator<Item = K>,
    {
        let function = move |object: &CachedObject| values(object).into_iter().collect();
        let definition = Arc::new(Definition::new(name, Box::new(function)));
        self.add_index(&(Arc::clone(&definition) as Arc<dyn AnyDefinition>))?;
        Ok(Index { definition, store: self.clone(), informer: None })
    }
}

impl<K> fmt::Debug for Index<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.definition.fmt(formatter)
    }
}
