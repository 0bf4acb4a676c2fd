//! Roles and bindings as decisions need them: always those of the store, found by namespace and subject.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use serde_json::Value;

use super::binding::{Binding, Subject};
use super::rule::rules_of;
use super::{PolicyRule, User};
use crate::kind::StorageKey;
use crate::store::{Objects, Store, StoredObject};

/// The group of roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

const PLURALS: [&str; 4] = ["clusterroles", "roles", "clusterrolebindings", "rolebindings"];

/// All roles and bindings of a server.
///
/// **Guarantees** (S-I4). A decision sees the roles and bindings of one moment between its begin and its end: what
/// was written before it began counts, from whatever task. It costs one look at the store's present trees, one
/// lookup per group of the user in the cluster's and in the namespace's bindings, and the rules of the bindings found;
/// how many others there are does not matter. What was written since the last decision is read once, by the next one.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the rest was made from, in the order of [`PLURALS`].
    sources: [Objects; 4],
    /// The rules of roles by `namespace/name`, of cluster roles by name.
    rules: BTreeMap<Arc<str>, Arc<[PolicyRule]>>,
    /// The bindings of each namespace; those of the cluster under the empty name.
    scopes: BTreeMap<String, Scope>,
}

/// The bindings of a namespace, by name and by who they are for.
#[derive(Debug, Default)]
struct Scope {
    bindings: BTreeMap<Arc<str>, Binding>,
    /// Users and service accounts, under their user names.
    users: BTreeMap<String, BTreeSet<Arc<str>>>,
    groups: BTreeMap<String, BTreeSet<Arc<str>>>,
}

/// A role that a user has.
pub(crate) struct Grant<'policy> {
    pub(crate) binding: &'policy Binding,
    /// The first of the binding's subjects that the user is.
    pub(crate) subject: &'policy Subject,
    /// The rules of the role, or that there is no such role.
    pub(crate) rules: Result<&'policy Arc<[PolicyRule]>, String>,
}

impl Policy {
    /// Shows the roles that `user` has in `namespace` (empty: at the cluster scope), those of the cluster first, by the
    /// names of their bindings, until `look` has seen enough.
    pub(crate) fn visit<B>(
        &self,
        store: &Store,
        user: &User,
        namespace: &str,
        mut look: impl FnMut(Grant<'_>) -> ControlFlow<B>,
    ) -> Option<B> {
        let state = self.current(store);
        let scopes = if namespace.is_empty() { &[""][..] } else { &["", namespace] };
        for scope in scopes.iter().filter_map(|scope| state.scopes.get(*scope)) {
            for binding in scope.of(user) {
                let Some(subject) = binding.subject_of(user) else { continue };
                let rules = state.rules_of(&binding.role_kind, binding.role_namespace(), &binding.role_name);
                if let ControlFlow::Break(found) = look(Grant { binding, subject, rules }) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The rules of a role; an error that names it if there is none.
    pub(crate) fn rules(
        &self,
        store: &Store,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<[PolicyRule]>, String> {
        self.current(store).rules_of(kind, namespace, name).cloned()
    }

    fn current(&self, store: &Store) -> RwLockReadGuard<'_, State> {
        let keys = PLURALS.map(|plural| StorageKey { group: GROUP.into(), plural: plural.into() });
        let state = self.state.read();
        if state.is_made_from(&store.objects_of(&keys)) {
            return state;
        }
        drop(state);
        let mut state = self.state.write();
        // Read under the lock: the state only ever follows the store forward.
        state.follow(&store.objects_of(&keys));
        RwLockWriteGuard::downgrade(state)
    }
}

impl State {
    fn is_made_from(&self, sources: &[Objects; 4]) -> bool {
        self.sources.iter().zip(sources).all(|(mine, present)| mine.ptr_eq(present))
    }

    fn follow(&mut self, sources: &[Objects; 4]) {
        let old = std::mem::replace(&mut self.sources, sources.clone());
        for (index, (old, new)) in old.iter().zip(sources).enumerate() {
            for change in old.diff(new) {
                let (key, object) = match change {
                    DiffItem::Add(key, object) | DiffItem::Update { new: (key, object), .. } => {
                        (key, Some(object))
                    }
                    DiffItem::Remove(key, _) => (key, None),
                };
                if index < 2 { self.set_role(key, object) } else { self.set_binding(key, object) }
            }
        }
    }

    fn set_role(&mut self, key: &Arc<str>, object: Option<&Arc<StoredObject>>) {
        match object {
            Some(object) => _ = self.rules.insert(key.clone(), rules_of(&decoded(object)).into()),
            None => _ = self.rules.remove(key),
        }
    }

    fn set_binding(&mut self, key: &Arc<str>, object: Option<&Arc<StoredObject>>) {
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        let scope = self.scopes.entry(namespace.to_owned()).or_default();
        scope.set(name, object.map(|object| Binding::of(&decoded(object))));
        if scope.bindings.is_empty() {
            self.scopes.remove(namespace);
        }
    }

    fn rules_of(&self, kind: &str, namespace: &str, name: &str) -> Result<&Arc<[PolicyRule]>, String> {
        let key = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        self.rules
            .get(key.as_str())
            .ok_or_else(|| format!("{}.{GROUP} {name:?} not found", kind.to_lowercase()))
    }
}

impl Scope {
    /// The bindings that name `user` or one of its groups, by name.
    fn of(&self, user: &User) -> impl Iterator<Item = &Binding> {
        let groups = user.groups().iter().filter_map(|group| self.groups.get(group));
        let found: BTreeSet<_> = self.users.get(user.name()).into_iter().chain(groups).flatten().collect();
        found.into_iter().filter_map(|name| self.bindings.get(name))
    }

    /// Puts `binding` in the place of the one of this name.
    fn set(&mut self, name: &str, binding: Option<Binding>) {
        self.remove(name);
        let Some(binding) = binding else { return };
        let name: Arc<str> = name.into();
        for subject in &binding.subjects {
            let (index, text) = self.index(subject);
            index.entry(text.clone()).or_default().insert(name.clone());
        }
        self.bindings.insert(name, binding);
    }

    /// Where a subject is indexed, and under what.
    fn index<'subject>(
        &mut self,
        subject: &'subject Subject,
    ) -> (&mut BTreeMap<String, BTreeSet<Arc<str>>>, &'subject String) {
        match subject {
            Subject::Group(group) => (&mut self.groups, group),
            Subject::User(user) | Subject::ServiceAccount { user, .. } => (&mut self.users, user),
        }
    }

    fn remove(&mut self, name: &str) {
        let Some(binding) = self.bindings.remove(name) else { return };
        for subject in &binding.subjects {
            let (index, text) = self.index(subject);
            if let Some(names) = index.get_mut(text) {
                names.remove(name);
                if names.is_empty() {
                    index.remove(text);
                }
            }
        }
    }
}

fn decoded(object: &StoredObject) -> Value {
    serde_json::from_slice(object.stored_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s_i4_the_index_forgets_whom_a_binding_no_longer_names() {
        let binding = |subject: &str| {
            let subjects = json!([{"kind": "User", "name": subject}, {"kind": "Group", "name": subject}]);
            Binding::of(&json!({"metadata": {"name": "b"}, "subjects": subjects}))
        };
        let mut scope = Scope::default();
        scope.set("b", Some(binding("ann")));
        scope.set("b", Some(binding("bob")));
        assert_eq!(scope.users.keys().chain(scope.groups.keys()).collect::<Vec<_>>(), ["bob", "bob"]);
        scope.set("b", None);
        assert!(scope.users.is_empty() && scope.groups.is_empty() && scope.bindings.is_empty());
    }
}
