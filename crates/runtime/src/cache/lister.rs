//! Typed reads of a cache.

use std::marker::PhantomData;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::{CachedObject, DecodeError, Informer, Store};
use crate::object::Object;

/// Typed reads of the cache of one type.
///
/// Nothing is sent to the server; what is read may be behind it. Objects are shared, and decoded on first
/// sight. Lists are in key order.
#[derive(Debug)]
pub struct Lister<T> {
    informer: Informer,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Lister<T> {
    fn clone(&self) -> Self {
        Self { informer: self.informer.clone(), of: PhantomData }
    }
}

impl<T: Object> Lister<T> {
    pub(super) fn new(informer: Informer) -> Self {
        Self { informer, of: PhantomData }
    }

    /// The informer behind it.
    #[must_use]
    pub fn informer(&self) -> &Informer {
        &self.informer
    }

    fn store(&self) -> &Store {
        self.informer.store()
    }

    /// The object of this key.
    pub fn get(&self, key: &ObjectKey) -> Result<Option<Arc<T>>, DecodeError> {
        self.store().get(key).map(|object| object.decode()).transpose()
    }

    /// All objects. Decodes each that nobody has looked at: for large caches prefer an index.
    pub fn list(&self) -> Result<Vec<Arc<T>>, DecodeError> {
        decode_all(self.store().snapshot().iter())
    }

    /// The objects of one namespace.
    pub fn in_namespace(&self, namespace: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        decode_all(self.store().snapshot().in_namespace(namespace))
    }

    /// The objects that the index called `name` finds under `value`; none when there is no such index.
    pub fn by_index(&self, name: &str, value: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        decode_all(&self.store().by_index(name, value))
    }

    /// The objects that have an owner of this uid.
    pub fn by_owner_uid(&self, uid: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        self.by_index(super::index::OWNER, uid)
    }

    /// The objects whose scanned header `wanted` accepts; only those are decoded.
    pub fn select(&self, wanted: impl Fn(&CachedObject) -> bool) -> Result<Vec<Arc<T>>, DecodeError> {
        decode_all(self.store().snapshot().iter().filter(|object| wanted(object)))
    }
}

fn decode_all<'a, T: Object>(
    objects: impl IntoIterator<Item = &'a Arc<CachedObject>>,
) -> Result<Vec<Arc<T>>, DecodeError> {
    objects.into_iter().map(|object| object.decode()).collect()
}
