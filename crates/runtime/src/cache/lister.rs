//! Typed reads of a cache.

use std::marker::PhantomData;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;
use pilothouse_machinery::selector::LabelSelector;

use super::wanted::Wanted;
use super::{CachedObject, DecodeError, Index, Informer, OwnWrites, Query, ReadError};
use crate::object::Object;

/// Typed reads of the cache of one type.
///
/// **Flow.** Nothing is sent to the server; what is read may be behind it. Objects are shared, and decoded on first
/// sight; see [`CachedObject::decode`] for two types that read the same cache. Lists are in key order.
///
/// **Guarantees.**
///
/// - **S5** each read is of one state, and does not keep the cache from being written;
/// - **S6** [with own writes](Self::with_own_writes), a read shows what was written before the cache does;
/// - **C-I7** no list has holes: an object that does not fit the type is there, and fails the read that meets it;
/// - **C-I14** the informer runs as long as the lister is there.
///
/// **Cancellation.** Nothing waits here.
///
/// **Errors.** An object that does not fit the type fails the read that meets it, and the error names it: whoever
/// counts what is there must not act on a list with holes. Narrow reads ([`by_index`](Self::by_index),
/// [`by_owner_uid`](Self::by_owner_uid), [`select`](Self::select)) keep others out of it; where a part is better
/// than nothing, [`list_readable`](Self::list_readable) and [`select_readable`](Self::select_readable) give the good
/// ones and the errors. A read that names what the informer's selection leaves
/// out (another namespace than its only one, another name, labels that nothing selected can have) fails with
/// [`ReadError::OutsideSelection`] and never says that nothing was found (conformance K3). A read that names none of
/// these is about what the cache holds, that is, what was selected; so it is with controller-runtime's caches of some
/// namespaces, and a program that may see one namespace only reads as one that sees all. Each failure to decode is
/// counted in `pilothouse_informer_unreadable_total`.
#[derive(Debug)]
pub struct Lister<T> {
    informer: Informer,
    own: Option<OwnWrites>,
    condition: Condition,
    of: PhantomData<fn() -> T>,
}

/// When a lister reads.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Always,
    /// Once the cache holds its first list.
    Filled,
    Never,
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
        Self {
            informer: self.informer.clone(),
            own: self.own.clone(),
            condition: self.condition,
            of: PhantomData,
        }
    }
}

impl<T: Object> Lister<T> {
    /// Typed reads of what `informer` caches. The lister uses it: it runs as long as the lister is there.
    #[must_use]
    pub fn new(informer: Informer) -> Self {
        Self { informer, own: None, condition: Condition::Always, of: PhantomData }
    }

    /// Reads that fail until the cache holds its first list.
    pub(crate) fn once_filled(self) -> Self {
        Self { condition: Condition::Filled, ..self }
    }

    /// Reads that fail because the type is not declared (conformance K2).
    pub(crate) fn refused(informer: Informer) -> Self {
        Self { condition: Condition::Never, ..Self::new(informer) }
    }

    fn check(&self) -> Result<(), ReadError> {
        let resource = || Box::new(self.informer.resource_type().clone());
        match self.condition {
            Condition::Filled if !self.informer.is_synced() => {
                Err(ReadError::NotFilled { resource: resource() })
            }
            Condition::Never => Err(ReadError::Undeclared { resource: resource() }),
            Condition::Always | Condition::Filled => Ok(()),
        }
    }

    /// Reads that also show the writes noted in `own`, where the cache does not show them yet. An overlay of
    /// another informer changes nothing.
    pub fn with_own_writes(&self, own: &OwnWrites) -> Self {
        let own = own.is_of(self.informer.store()).then(|| own.clone());
        Self { own, ..self.clone() }
    }

    /// The informer behind it.
    #[must_use]
    pub fn informer(&self) -> &Informer {
        &self.informer
    }

    /// The object of this key.
    pub fn get(&self, key: &ObjectKey) -> Result<Option<Arc<T>>, ReadError> {
        self.check()?;
        let wanted = Wanted { namespace: Some(&key.namespace), name: Some(&key.name), labels: None };
        ReadError::unless_selected(&self.informer, &wanted)?;
        let snapshot = self.informer.store().snapshot();
        let object = match &self.own {
            Some(own) => own.get(&snapshot, key),
            None => snapshot.get(key).cloned(),
        };
        drop(snapshot);
        Ok(object.map(|object| self.decode(&object)).transpose()?)
    }

    /// All objects. Decodes each that nobody has looked at: for large caches prefer an index.
    pub fn list(&self) -> Result<Vec<Arc<T>>, ReadError> {
        self.find(|all| all)
    }

    /// All objects that fit the type, and why the others do not.
    #[must_use]
    pub fn list_readable(&self) -> Readable<T> {
        self.select_readable(|_| true)
    }

    /// The objects that fulfil conditions, as in
    /// `find(|query| query.namespace("default").labels(&selector).index(&by_node, &node))`.
    pub fn find<'c>(
        &self,
        narrow: impl for<'a> FnOnce(Query<'a, 'c>) -> Query<'a, 'c>,
    ) -> Result<Vec<Arc<T>>, ReadError> {
        self.each(narrow, |found| Ok(found.map(|object| self.decode(object)).collect::<Result<_, _>>()?))?
    }

    /// The objects of one namespace.
    pub fn in_namespace(&self, namespace: &str) -> Result<Vec<Arc<T>>, ReadError> {
        self.find(|query| query.namespace(namespace))
    }

    /// The objects that the index called `name` finds under `value`; none when there is no such index.
    pub fn by_index(&self, name: &str, value: &str) -> Result<Vec<Arc<T>>, ReadError> {
        self.find(|query| query.index_named(name, value))
    }

    /// The objects with this value in an index.
    pub fn indexed<K>(&self, index: &Index<K>, value: &K) -> Result<Vec<Arc<T>>, ReadError>
    where
        K: Ord + Clone + Send + Sync + 'static,
    {
        self.find(|query| query.index(index, value))
    }

    /// The objects that have an owner of this uid.
    pub fn by_owner_uid(&self, uid: &str) -> Result<Vec<Arc<T>>, ReadError> {
        self.by_index(super::index::OWNER, uid)
    }

    /// The objects whose labels the selector accepts.
    pub fn labelled(&self, selector: &LabelSelector) -> Result<Vec<Arc<T>>, ReadError> {
        self.find(|query| query.labels(selector))
    }

    /// The objects that `wanted` accepts, which had better look at no more than the header; only those are decoded.
    pub fn select(&self, wanted: impl Fn(&CachedObject) -> bool) -> Result<Vec<Arc<T>>, ReadError> {
        let wanted = |object: &&Arc<CachedObject>| wanted(object);
        self.each(
            |all| all,
            |found| Ok(found.filter(wanted).map(|object| self.decode(object)).collect::<Result<_, _>>()?),
        )?
    }

    /// As [`select`](Self::select), without those that do not fit the type, which are told apart.
    #[must_use]
    pub fn select_readable(&self, wanted: impl Fn(&CachedObject) -> bool) -> Readable<T> {
        let mut readable = Readable { objects: Vec::new(), unreadable: Vec::new() };
        self.over(|all| {
            for object in all.iter().filter(|object| wanted(object)) {
                match self.decode(object) {
                    Ok(object) => readable.objects.push(object),
                    Err(error) => readable.unreadable.push(error),
                }
            }
        });
        readable
    }

    /// Reads what fulfils conditions in one state.
    fn each<'c, R>(
        &self,
        narrow: impl for<'a> FnOnce(Query<'a, 'c>) -> Query<'a, 'c>,
        read: impl FnOnce(&mut dyn Iterator<Item = &Arc<CachedObject>>) -> R,
    ) -> Result<R, ReadError> {
        self.check()?;
        self.over(|all| {
            let wanted = narrow(all);
            ReadError::unless_selected(&self.informer, &wanted.wanted())?;
            Ok(read(&mut wanted.iter()))
        })
    }

    /// Queries one state.
    fn over<'c, R>(&self, ask: impl for<'a> FnOnce(Query<'a, 'c>) -> R) -> R {
        let snapshot = self.informer.store().snapshot();
        let own = self.own.as_ref().map(|own| own.on(&snapshot)).unwrap_or_default();
        ask(snapshot.query().with_own(&own))
    }

    fn decode(&self, object: &CachedObject) -> Result<Arc<T>, DecodeError> {
        object.decode().inspect_err(|error| self.informer.instruments().unreadable(error.reason()))
    }
}
