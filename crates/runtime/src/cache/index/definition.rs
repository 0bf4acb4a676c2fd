//! What a user's index is: a name and a closure.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::state::{AnyIndex, IndexState, Values};
use crate::cache::CachedObject;

/// From an object to the values it is found under.
pub(in crate::cache) type IndexFunction<K> = Box<dyn Fn(&CachedObject) -> Vec<K> + Send + Sync>;

/// A user's index, apart from what it holds.
pub(in crate::cache) struct Definition<K> {
    name: Arc<str>,
    function: IndexFunction<K>,
    panics: AtomicU64,
}

impl<K: Ord + Clone + Send + Sync + 'static> Definition<K> {
    pub(in crate::cache) fn new(name: &str, function: IndexFunction<K>) -> Self {
        Self { name: name.into(), function, panics: AtomicU64::new(0) }
    }

    /// The values of an object, in order, each once; none when the closure panics, which is counted: neither the
    /// informer nor its other users suffer for it.
    pub(in crate::cache) fn compute(&self, object: &CachedObject) -> Vec<K> {
        let Ok(mut values) = catch_unwind(AssertUnwindSafe(|| (self.function)(object))) else {
            if self.panics.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(index = %self.name, object = %object.key(), "an index's closure panicked");
            }
            return Vec::new();
        };
        values.sort_unstable();
        values.dedup();
        values
    }

    pub(in crate::cache) fn name_text(&self) -> &str {
        &self.name
    }

    /// How often the closure has panicked.
    pub(in crate::cache) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

/// A definition, whatever the type of its values.
pub(in crate::cache) trait AnyDefinition: Send + Sync {
    fn name(&self) -> &Arc<str>;

    /// The values of an object, as [`Values`] of the index's type. Runs the user's closure: not under a lock that
    /// readers take.
    fn prepare(&self, object: &CachedObject) -> Box<dyn Any + Send>;

    /// The index over these objects.
    fn build(self: Arc<Self>, objects: &mut dyn Iterator<Item = &Arc<CachedObject>>) -> Arc<dyn AnyIndex>;
}

impl<K: Ord + Clone + Send + Sync + 'static> AnyDefinition for Definition<K> {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn prepare(&self, object: &CachedObject) -> Box<dyn Any + Send> {
        Box::new(self.compute(object).into_iter().map(Arc::new).collect::<Values<K>>())
    }

    fn build(self: Arc<Self>, objects: &mut dyn Iterator<Item = &Arc<CachedObject>>) -> Arc<dyn AnyIndex> {
        Arc::new(IndexState::build(self, objects))
    }
}

impl<K> fmt::Debug for Definition<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Index({:?})", self.name)
    }
}
