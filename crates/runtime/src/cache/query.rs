//! Reads with several conditions.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;
use pilothouse_machinery::header::Uid;
use pilothouse_machinery::selector::LabelSelector;

use super::index::{Definition, Index, IndexState, NAMESPACE, OWNER};
use super::own_writes::OwnView;
use super::wanted::Wanted;
use super::{CachedObject, Snapshot};

/// The objects of a snapshot that fulfil every condition given, in key order; without conditions, all.
///
/// **Flow.** The condition on an index with the fewest objects leads; the others are looked up for each of those.
/// Without an index, the objects of the namespace, or all, are looked at.
///
/// **Guarantees.**
///
/// - **C-I4** exactly the objects that fulfil all conditions are found, each once;
/// - **K1** conditions on several indexes intersect.
///
/// **Panics.** Never; an index function that panics where a snapshot is older than its index finds nothing.
#[must_use]
pub struct Query<'a, 'c> {
    snapshot: &'a Snapshot,
    namespace: Option<&'a str>,
    selector: Option<&'a LabelSelector>,
    conditions: Vec<Box<dyn Condition<'a> + 'a>>,
    own: Option<&'a OwnView>,
    /// What conditions are told with lives longer than the snapshot has to.
    told_with: PhantomData<&'a &'c ()>,
}

type Keys<'a> = Box<dyn Iterator<Item = &'a ObjectKey> + 'a>;

/// One value in one index.
trait Condition<'a> {
    /// The keys found, from those of `namespace` on; `None` when the snapshot does not have the index.
    fn keys(&self, namespace: Option<&str>) -> Option<Keys<'a>>;
    /// Whether an object of the snapshot fulfils it.
    fn contains(&self, object: &CachedObject) -> bool;
    /// Whether any object fulfils it, be it in the snapshot or not.
    fn accepts(&self, object: &CachedObject) -> bool;
}

impl<'a, 'c: 'a> Query<'a, 'c> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            namespace: None,
            selector: None,
            conditions: Vec::new(),
            own: None,
            told_with: PhantomData,
        }
    }

    /// Only objects of this namespace.
    pub fn namespace(mut self, namespace: &'c str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Only objects whose labels the selector accepts.
    pub fn labels(mut self, selector: &'c LabelSelector) -> Self {
        self.selector = Some(selector);
        self
    }

    /// Only objects with this value in this index. Where the snapshot is older than the index, or of another
    /// store, the index's closure is asked about each object.
    pub fn index<K: Ord + Clone + Send + Sync + 'static>(
        mut self,
        index: &'c Index<K>,
        value: &'c K,
    ) -> Self {
        let definition = &index.definition;
        let state = definition.state_in(self.snapshot);
        self.conditions.push(Box::new(Typed { definition, state, value }));
        self
    }

    /// Only objects that the index of this name finds under this text: `namespace`, `owner`, or an index whose
    /// values are `String` or `Arc<str>`. There are none when there is no such index.
    pub fn index_named(mut self, name: &str, value: &'c str) -> Self {
        let indexes = &self.snapshot.contents.indexes;
        let any = || indexes.iter().find(|index| index.name() == name).map(|index| index.as_any());
        match name {
            NAMESPACE if self.namespace.is_none_or(|earlier| earlier == value) => {
                return self.namespace(value);
            }
            NAMESPACE => self.conditions.push(Box::new(Never)),
            OWNER => {
                self.conditions.push(Box::new(OwnedBy { snapshot: self.snapshot, uid: Uid::parse(value) }));
            }
            _ => {
                let strings = any().and_then(|any| any.downcast_ref::<IndexState<String>>());
                let shared = any().and_then(|any| any.downcast_ref::<IndexState<Arc<str>>>());
                self.conditions.push(match (strings, shared) {
                    (Some(state), _) => Box::new(Text { state, value }),
                    (_, Some(state)) => Box::new(Text { state, value }),
                    _ => Box::new(Never),
                });
            }
        }
        self
    }

    /// Shows own writes that the snapshot does not.
    pub(super) fn with_own(mut self, own: &'a OwnView) -> Self {
        self.own = Some(own);
        self
    }

    /// The objects.
    pub fn iter(self) -> Box<dyn Iterator<Item = &'a Arc<CachedObject>> + 'a> {
        match self.own.filter(|own| !own.is_empty()) {
            None => self.in_snapshot(),
            Some(own) => {
                let mut own: Vec<_> = own.objects().filter(|object| self.accepts(object)).collect();
                let hidden = self.own;
                let is_shown =
                    move |object: &&Arc<CachedObject>| hidden.is_none_or(|own| !own.overrides(object.key()));
                own.extend(self.in_snapshot().filter(is_shown));
                own.sort_by(|one, two| one.key().cmp(two.key()));
                Box::new(own.into_iter())
            }
        }
    }

    /// How many objects there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.iter().count()
    }

    /// What it names that a cache may not hold.
    pub(super) fn wanted(&self) -> Wanted<'a> {
        Wanted { namespace: self.namespace, name: None, labels: self.selector }
    }

    fn accepts(&self, object: &CachedObject) -> bool {
        self.namespace.is_none_or(|namespace| *object.key().namespace == *namespace)
            && self.selector.is_none_or(|selector| is_selected(object, selector))
            && self.conditions.iter().all(|condition| condition.accepts(object))
    }

    fn in_snapshot(self) -> Box<dyn Iterator<Item = &'a Arc<CachedObject>> + 'a> {
        let Self { snapshot, namespace, selector, mut conditions, .. } = self;
        let leading = leading(&conditions, namespace);
        let mut found: Box<dyn Iterator<Item = &'a Arc<CachedObject>> + 'a> = match (leading, namespace) {
            (Some((at, keys)), _) => {
                conditions.swap_remove(at);
                Box::new(snapshot.resolve(within(keys, namespace)))
            }
            (None, Some(namespace)) => Box::new(snapshot.in_namespace(namespace)),
            (None, None) => Box::new(snapshot.iter()),
        };
        if !conditions.is_empty() {
            found =
                Box::new(found.filter(move |object| conditions.iter().all(|other| other.contains(object))));
        }
        if let Some(selector) = selector {
            found = Box::new(found.filter(move |object| is_selected(object, selector)));
        }
        found
    }
}

/// The condition with the fewest keys, and those. Walks them together, so that the longer ones cost no more than
/// the shortest.
fn leading<'a>(
    conditions: &[Box<dyn Condition<'a> + 'a>],
    namespace: Option<&'a str>,
) -> Option<(usize, Keys<'a>)> {
    let keys = |at: usize| conditions[at].keys(namespace);
    let all = || (0..conditions.len()).filter_map(|at| Some((at, keys(at)?)));
    if all().nth(1).is_none() {
        return all().next();
    }
    let mut walks: Vec<_> = all().map(|(at, keys)| (at, within(keys, namespace))).collect();
    loop {
        for (at, walk) in &mut walks {
            if walk.next().is_none() {
                return Some((*at, keys(*at)?));
            }
        }
    }
}

fn within<'a>(keys: Keys<'a>, namespace: Option<&'a str>) -> impl Iterator<Item = &'a ObjectKey> + use<'a> {
    keys.take_while(move |key| namespace.is_none_or(|namespace| *key.namespace == *namespace))
}

/// Whether a selector accepts an object's labels.
pub(super) fn is_selected(object: &CachedObject, selector: &LabelSelector) -> bool {
    selector.matches(|key| object.labels().get(key))
}

struct Typed<'a, K: Ord + Clone> {
    definition: &'a Definition<K>,
    state: Option<&'a IndexState<K>>,
    value: &'a K,
}

impl<'a, K: Ord + Clone + Send + Sync + 'static> Condition<'a> for Typed<'a, K> {
    fn keys(&self, namespace: Option<&str>) -> Option<Keys<'a>> {
        let value = self.value;
        Some(Box::new(self.state?.postings().keys_of(move |known| (**known).cmp(value), namespace)))
    }

    fn contains(&self, object: &CachedObject) -> bool {
        match self.state {
            Some(state) => state.postings().contains(|known| (**known).cmp(self.value), object.key()),
            None => self.accepts(object),
        }
    }

    fn accepts(&self, object: &CachedObject) -> bool {
        self.definition.compute(object).binary_search(self.value).is_ok()
    }
}

/// A value of an index of texts.
struct Text<'a, K: Ord + Clone> {
    state: &'a IndexState<K>,
    value: &'a str,
}

impl<'a, K: Ord + Clone + Borrow<str> + Send + Sync + 'static> Condition<'a> for Text<'a, K> {
    fn keys(&self, namespace: Option<&str>) -> Option<Keys<'a>> {
        let value = self.value;
        let probe = move |known: &Arc<K>| (**known).borrow().cmp(value);
        Some(Box::new(self.state.postings().keys_of(probe, namespace)))
    }

    fn contains(&self, object: &CachedObject) -> bool {
        self.state.postings().contains(|known| (**known).borrow().cmp(self.value), object.key())
    }

    fn accepts(&self, object: &CachedObject) -> bool {
        self.state.definition().compute(object).iter().any(|value| value.borrow() == self.value)
    }
}

struct OwnedBy<'a> {
    snapshot: &'a Snapshot,
    uid: Uid,
}

impl<'a> Condition<'a> for OwnedBy<'a> {
    fn keys(&self, namespace: Option<&str>) -> Option<Keys<'a>> {
        Some(Box::new(self.snapshot.contents.owners.keys_of(self.uid.clone(), namespace)))
    }

    fn contains(&self, object: &CachedObject) -> bool {
        self.snapshot.contents.owners.contains(&self.uid, object.key())
    }

    fn accepts(&self, object: &CachedObject) -> bool {
        object.header().owners.iter().any(|owner| owner.uid == self.uid)
    }
}

/// What nothing fulfils.
struct Never;

impl<'a> Condition<'a> for Never {
    fn keys(&self, _namespace: Option<&str>) -> Option<Keys<'a>> {
        Some(Box::new(std::iter::empty()))
    }

    fn contains(&self, _object: &CachedObject) -> bool {
        false
    }

    fn accepts(&self, _object: &CachedObject) -> bool {
        false
    }
}

impl std::fmt::Debug for Query<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let conditions = self.conditions.len();
        formatter.debug_struct("Query").field("indexes", &conditions).finish_non_exhaustive()
    }
}
