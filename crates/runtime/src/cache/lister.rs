//! Typed reads of a cache.

use std::marker::PhantomData;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::{CachedObject, DecodeError, Informer, Store};
use crate::object::Object;

/// Typed reads of the cache of one type.
///
/// Nothing is sent to the server; what is read may be behind it. Objects are shared, and decoded on first
/// sight; see [`CachedObject::decode`] for two types that read the same cache. Lists are in key order.
///
/// **Errors.** An object that does not fit the type fails the read that meets it, and the error names it: whoever
/// counts what is there must not act on a list with holes. Narrow reads ([`by_index`](Self::by_index),
/// [`by_owner_uid`](Self::by_owner_uid), [`select`](Self::select)) keep others out of it; where a part is better
/// than nothing, [`list_readable`](Self::list_readable) and [`select_readable`](Self::select_readable) give the good
/// ones and the errors. Each failure is counted in `pilothouse_informer_unreadable_total`.
#[derive(Debug)]
pub struct Lister<T> {
    informer: Informer,
    of: PhantomData<fn() -> T>,
}

/// What a list gives when not every object has to fit the type.
#[derive(Debug)]
pub struct Readable<T> {
    /// The objects that fit, in key order.
    pub objects: Vec<Arc<T>>,
    /// Why each of the others does not, in key order.
    pub unreadable: Vec<DecodeError>,
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
        self.store().get(key).map(|object| self.decode(&object)).transpose()
    }

    /// All objects. Decodes each that nobody has looked at: for large caches prefer an index.
    pub fn list(&self) -> Result<Vec<Arc<T>>, DecodeError> {
        self.decode_all(self.store().snapshot().iter())
    }

    /// All objects that fit the type, and why the others do not.
    #[must_use]
    pub fn list_readable(&self) -> Readable<T> {
        self.select_readable(|_| true)
    }

    /// The objects of one namespace.
    pub fn in_namespace(&self, namespace: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        self.decode_all(self.store().snapshot().in_namespace(namespace))
    }

    /// The objects that the index called `name` finds under `value`; none when there is no such index.
    pub fn by_index(&self, name: &str, value: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        self.decode_all(&self.store().by_index(name, value))
    }

    /// The objects that have an owner of this uid.
    pub fn by_owner_uid(&self, uid: &str) -> Result<Vec<Arc<T>>, DecodeError> {
        self.by_index(super::index::OWNER, uid)
    }

    /// The objects whose scanned header `wanted` accepts; only those are decoded.
    pub fn select(&self, wanted: impl Fn(&CachedObject) -> bool) -> Result<Vec<Arc<T>>, DecodeError> {
        self.decode_all(self.store().snapshot().iter().filter(|object| wanted(object)))
    }

    /// As [`select`](Self::select), without those that do not fit the type, which are told apart.
    #[must_use]
    pub fn select_readable(&self, wanted: impl Fn(&CachedObject) -> bool) -> Readable<T> {
        let mut readable = Readable { objects: Vec::new(), unreadable: Vec::new() };
        for object in self.store().snapshot().iter().filter(|object| wanted(object)) {
            match self.decode(object) {
                Ok(object) => readable.objects.push(object),
                Err(error) => readable.unreadable.push(error),
            }
        }
        readable
    }

    fn decode(&self, object: &CachedObject) -> Result<Arc<T>, DecodeError> {
        object.decode().inspect_err(|_| self.informer.count_unreadable())
    }

    fn decode_all<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Arc<CachedObject>>,
    ) -> Result<Vec<Arc<T>>, DecodeError> {
        objects.into_iter().map(|object| self.decode(object)).collect()
    }
}
