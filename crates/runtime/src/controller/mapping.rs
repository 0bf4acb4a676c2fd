//! From a changed object to the keys to reconcile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::cache::CachedObject;
use crate::{Change, ChangeKind, DecodeError, Object, ObjectKey, ResourceType};

/// Which keys a change concerns.
pub(super) type Mapper = Arc<dyn Fn(&Change) -> Vec<ObjectKey> + Send + Sync>;

/// Which owners of an object its changes concern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owners {
    /// The one whose reference says `controller: true`.
    #[default]
    Controlling,
    /// Each that the object names, as controller-runtime's `MatchEveryOwner` has it.
    Every,
}

/// One kind of object whose changes cause reconciles.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) resource: ResourceType,
    pub(super) map: Mapper,
    /// Whether these are the objects reconciled themselves.
    pub(super) is_main: bool,
}

impl Source {
    /// Changes of `resource` that cause no reconcile by themselves.
    pub(super) fn followed(resource: ResourceType) -> Self {
        Self { resource, map: Arc::new(|_| Vec::new()), is_main: false }
    }
}

/// The owners of `child` that are meant and of type `owner` (C13): same group (any version) and kind.
fn owners_of(child: &CachedObject, owner: &ResourceType, which: Owners) -> Vec<ObjectKey> {
    let header = child.header();
    let references = header.owners.iter().filter(|reference| which == Owners::Every || reference.controller);
    let fitting = references.filter(|reference| {
        let (group, _) = pilothouse_machinery::resource::split_api_version(&reference.api_version);
        group == owner.group && *reference.kind == *owner.kind
    });
    let key = |name| {
        let namespace = if owner.is_namespaced() { Arc::clone(&header.key.namespace) } else { "".into() };
        ObjectKey { namespace, name: Arc::clone(name) }
    };
    fitting.map(|reference| key(&reference.name)).collect()
}

/// Maps a change of a reconciled object to its own key.
pub(super) fn own_key() -> Mapper {
    Arc::new(|change| vec![change.key().clone()])
}

/// Maps a change only where it is wanted. Deletions always are.
pub(super) fn only(wanted: impl Fn(&Change) -> bool + Send + Sync + 'static, map: Mapper) -> Mapper {
    Arc::new(move |change| {
        let wanted = || guarded("predicate", || wanted(change)).unwrap_or(true);
        let counts = change.kind == ChangeKind::Deleted || wanted();
        if counts { map(change) } else { Vec::new() }
    })
}

/// Maps a change of an owned object to its owner or owners, before and after, each once.
pub(super) fn to_owner(owner: ResourceType, which: Owners) -> Mapper {
    Arc::new(move |change| both_sides(change, |object| owners_of(object, &owner, which)))
}

/// Maps a change through a function of the typed object, before and after, each key once.
pub(super) fn through<K: Object>(map: impl Fn(&K) -> Vec<ObjectKey> + Send + Sync + 'static) -> Mapper {
    Arc::new(move |change| {
        both_sides(change, |object| match guarded("mapping", || Ok(map(&*object.decode::<K>()?))) {
            Some(Ok(keys)) => keys,
            Some(Err::<_, DecodeError>(error)) => {
                tracing::warn!(error = super::error::chain(&error), "cannot map a change to its owners");
                Vec::new()
            }
            None => Vec::new(),
        })
    })
}

/// Calls code of the user's. A panic concerns the one change only: it must not end the source.
fn guarded<R>(what: &str, call: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(call))
        .inspect_err(|panic| {
            tracing::error!(what, panic = crate::manager::message(&**panic), "panic about a change");
        })
        .ok()
}

fn both_sides(change: &Change, map: impl Fn(&CachedObject) -> Vec<ObjectKey>) -> Vec<ObjectKey> {
    let mut keys: Vec<ObjectKey> = Vec::new();
    for object in change.previous.iter().chain([&change.object]) {
        for key in map(object) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const POD: ResourceType = ResourceType::namespaced("", "v1", "pods", "Pod");
    const JOB: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");
    const NODE: ResourceType = ResourceType::cluster("", "v1", "nodes", "Node");

    fn pod(owners: &Value) -> Arc<CachedObject> {
        let mut metadata = json!({"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "1"});
        metadata["ownerReferences"] = owners.clone();
        Arc::new(CachedObject::from_value(&json!({"metadata": metadata}), &POD).unwrap())
    }

    fn owner(api_version: &str, kind: &str, name: &str, controller: bool) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": name, "controller": controller})
    }

    fn update(before: &Value, after: &Value) -> Change {
        let (previous, object) = (Some(pod(before)), pod(after));
        Change { kind: ChangeKind::Updated, object, previous, initial: false }
    }

    #[test]
    fn c13_an_update_concerns_the_old_and_the_new_owner_once_each() {
        let (a, b) = (owner("batch/v1", "Job", "a", true), owner("batch/v1", "Job", "b", true));
        let map = to_owner(JOB, Owners::Controlling);
        let keys = map(&update(&json!([a]), &json!([b])));
        assert_eq!(keys, [ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b")]);
        assert_eq!(map(&update(&json!([a]), &json!([a]))), [ObjectKey::new("ns", "a")]);
        assert_eq!(map(&update(&json!([]), &json!([b]))), [ObjectKey::new("ns", "b")]);
    }

    #[test]
    fn c13_other_groups_and_kinds_and_mere_owners_are_ignored() {
        let map = to_owner(JOB, Owners::Controlling);
        for other in [
            owner("apps/v1", "Job", "a", true),
            owner("batch/v1", "CronJob", "a", true),
            owner("batch/v1", "Job", "a", false),
        ] {
            assert!(map(&update(&json!([other]), &json!([other]))).is_empty(), "{other}");
        }
        let newer = owner("batch/v2", "Job", "a", true);
        assert_eq!(map(&update(&json!([newer]), &json!([newer]))).len(), 1, "any version of the group");
    }

    #[test]
    fn c13_every_owner_is_meant_where_that_is_asked_for() {
        let (a, b) = (owner("batch/v1", "Job", "a", true), owner("batch/v1", "Job", "b", false));
        let other = owner("apps/v1", "ReplicaSet", "c", false);
        let map = to_owner(JOB, Owners::Every);
        let both = [ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b")];
        assert_eq!(map(&update(&json!([a, b, other]), &json!([b]))), both);
        assert_eq!(map(&update(&json!([b]), &json!([]))), both[1..]);
    }

    #[test]
    fn c13_cluster_scoped_owners_have_no_namespace() {
        let node = owner("v1", "Node", "n1", true);
        assert_eq!(
            to_owner(NODE, Owners::Controlling)(&update(&json!([node]), &json!([node]))),
            [ObjectKey::cluster("n1")]
        );
    }
}
