//! One state of a store.

use std::cmp::Ordering;
use std::sync::Arc;

use pilothouse_machinery::selector::LabelSelector;
use pilothouse_machinery::{ObjectKey, ResourceVersion};

use super::contents::{Contents, compare_keys};
use super::query::is_selected;
use super::{CachedObject, Query};

/// One state of a store: what it held at one resource version, whatever happens to the store later.
///
/// Cheap to clone. Iteration is in key order: by namespace, then name. A snapshot keeps alive what it shows: do
/// not hold one for long.
///
/// **Guarantees.**
///
/// - **C-I2** taking one and reading it neither waits for a writer's work nor makes it wait;
/// - **C-I4** its indexes are of the same state: they find an object if and only if it is there and has the value;
/// - **C-I8** what it shows never changes.
///
/// **Cancellation.** Nothing waits here.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) contents: Arc<Contents>,
}

impl Snapshot {
    /// The version that the snapshot stands for; zero before the first list.
    #[must_use]
    pub fn resource_version(&self) -> &ResourceVersion {
        &self.contents.resource_version
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contents.objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contents.objects.is_empty()
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<CachedObject>> {
        self.contents.get(key)
    }

    /// All objects in key order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CachedObject>> {
        self.contents.objects.iter()
    }

    /// The objects from `key` on (itself included) in key order: a page is what `take` leaves of it.
    pub fn from<'a>(&'a self, key: &ObjectKey) -> impl Iterator<Item = &'a Arc<CachedObject>> + use<'a> {
        self.contents.objects.iter_from(|known| compare_keys(known, key))
    }

    /// The objects whose keys are greater than `key`, in key order; all without one.
    pub(super) fn after(&self, key: Option<&ObjectKey>) -> impl Iterator<Item = &Arc<CachedObject>> {
        self.contents.objects.iter_from(move |known| match key {
            Some(key) if compare_keys(known, key).is_le() => Ordering::Less,
            _ => Ordering::Greater,
        })
    }

    /// The objects of one namespace in the order of their names.
    pub fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<CachedObject>> {
        let from = self.contents.objects.iter_from(|known| {
            // The first key of the namespace is not before its first name, whatever that is.
            (*known.namespace).cmp(namespace).then(Ordering::Greater)
        });
        from.take_while(move |object| *object.key().namespace == *namespace)
    }

    /// The objects whose labels `selector` accepts, in key order. Looks at the labels of every object; see
    /// [`query`](Self::query) for less.
    pub fn select<'a>(&'a self, selector: &'a LabelSelector) -> impl Iterator<Item = &'a Arc<CachedObject>> {
        self.iter().filter(move |object| is_selected(object, selector))
    }

    /// The objects that fulfil several conditions at once.
    pub fn query<'a, 'c: 'a>(&'a self) -> Query<'a, 'c> {
        Query::new(self)
    }

    /// The objects that the index called `name` finds under `value`, in key order; none when there is no such
    /// index, or when its values are not texts. `namespace` and `owner` (by the uid of any owner) always exist.
    #[must_use]
    pub fn by_index(&self, name: &str, value: &str) -> Vec<Arc<CachedObject>> {
        self.query().index_named(name, value).iter().cloned().collect()
    }

    /// The objects of keys that this state's indexes gave.
    pub(super) fn resolve<'a>(
        &'a self,
        keys: impl Iterator<Item = &'a ObjectKey>,
    ) -> impl Iterator<Item = &'a Arc<CachedObject>> {
        keys.filter_map(|key| self.get(key))
    }
}
