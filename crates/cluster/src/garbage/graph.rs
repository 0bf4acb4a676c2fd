//! The graph of owners and dependents over all resource types. No I/O.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceType};

use super::node::{Node, Owner};

/// So many uids of deleted objects are remembered, to spare a look at the server.
const REMEMBERED: usize = 10_000;

/// Who owns whom.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: BTreeMap<Arc<str>, Node>,
    places: BTreeMap<(ResourceType, ObjectKey), Arc<str>>,
    dependents: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    gone: BTreeSet<Absence>,
    gone_order: VecDeque<Absence>,
}

/// What is known not to exist: an object that was deleted, or what one reference names from one namespace. The
/// reference of another object may name the same uid rightly.
type Absence = (Arc<str>, Option<(Arc<str>, String)>);

fn absence(owner: &Owner, namespace: &Arc<str>) -> Absence {
    let place = format!("{}/{}/{}", owner.api_version, owner.kind, owner.name);
    (Arc::clone(&owner.uid), Some((Arc::clone(namespace), place)))
}

impl Graph {
    pub(crate) fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Whether what `owner` names from `namespace` is known not to exist.
    pub(crate) fn is_gone(&self, owner: &Owner, namespace: &Arc<str>) -> bool {
        self.gone.contains(&(Arc::clone(&owner.uid), None)) || self.gone.contains(&absence(owner, namespace))
    }

    /// The objects that name `uid` as an owner, in the order of their uids.
    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Node> {
        let uids = self.dependents.get(uid).into_iter().flatten();
        uids.filter_map(|uid| self.nodes.get(uid))
    }

    /// Takes in the present state of an object. Answers the uids that need a look.
    pub(crate) fn observe(&mut self, node: &Node) -> Vec<Arc<str>> {
        let mut attend = Vec::new();
        let place = (node.resource.clone(), node.key.clone());
        let before = self.places.insert(place, Arc::clone(&node.uid));
        if let Some(before) = before.filter(|before| *before != node.uid) {
            attend.extend(self.remove(&before));
        }
        self.gone.remove(&(Arc::clone(&node.uid), None));
        let previous = self.nodes.insert(Arc::clone(&node.uid), Node::clone(node));
        let old_owners = previous.as_ref().map(|previous| previous.owners.as_slice()).unwrap_or_default();
        for owner in old_owners {
            let is_kept = node.owners.iter().any(|kept| kept.uid == owner.uid);
            if !is_kept && let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(&node.uid);
            }
            if !is_kept
                || (previous.as_ref().is_some_and(|old| old.blocks(&owner.uid)) && !node.blocks(&owner.uid))
            {
                attend.push(Arc::clone(&owner.uid));
            }
        }
        for owner in &node.owners {
            self.dependents.entry(Arc::clone(&owner.uid)).or_default().insert(Arc::clone(&node.uid));
        }
        let is_news = previous.as_ref().is_none_or(|previous| {
            previous.owners != node.owners
                || previous.is_deleting != node.is_deleting
                || previous.finalizers != node.finalizers
        });
        if is_news && (!node.owners.is_empty() || node.is_deleting) {
            attend.push(Arc::clone(&node.uid));
        }
        attend
    }

    /// The object at this place was deleted. Answers the uids that need a look.
    pub(crate) fn forget(&mut self, resource: &ResourceType, key: &ObjectKey) -> Vec<Arc<str>> {
        match self.places.remove(&(resource.clone(), key.clone())) {
            Some(uid) => self.remove(&uid),
            None => Vec::new(),
        }
    }

    fn remove(&mut self, uid: &Arc<str>) -> Vec<Arc<str>> {
        let Some(node) = self.nodes.remove(uid) else { return Vec::new() };
        self.remember((Arc::clone(uid), None));
        let mut attend: Vec<Arc<str>> = self.dependents.get(uid).into_iter().flatten().cloned().collect();
        for owner in &node.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
            attend.push(Arc::clone(&owner.uid));
        }
        attend
    }

    /// Notes that the server does not have what `owner` names from `namespace`.
    pub(crate) fn note_absent(&mut self, owner: &Owner, namespace: &Arc<str>) {
        self.remember(absence(owner, namespace));
    }

    fn remember(&mut self, absence: Absence) {
        if self.gone.insert(absence.clone()) {
            self.gone_order.push_back(absence);
        }
        if self.gone_order.len() > REMEMBERED
            && let Some(oldest) = self.gone_order.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }
}
