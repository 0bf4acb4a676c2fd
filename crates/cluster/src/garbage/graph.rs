//! The graph of owners and dependents over all resource types. No I/O.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceType};

use super::node::Node;

/// So many uids of deleted objects are remembered, to spare a look at the server.
const REMEMBERED: usize = 10_000;

/// Who owns whom.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: BTreeMap<Arc<str>, Node>,
    places: BTreeMap<(ResourceType, ObjectKey), Arc<str>>,
    dependents: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    gone: BTreeSet<Arc<str>>,
    gone_order: VecDeque<Arc<str>>,
}

impl Graph {
    pub(crate) fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Whether this uid is known to be deleted.
    pub(crate) fn is_gone(&self, uid: &str) -> bool {
        self.gone.contains(uid)
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
        self.gone.remove(&node.uid);
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
        self.remember(uid);
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

    /// Notes that the server knows no object of this uid.
    pub(crate) fn remember(&mut self, uid: &Arc<str>) {
        if self.gone.insert(Arc::clone(uid)) {
            self.gone_order.push_back(Arc::clone(uid));
        }
        if self.gone_order.len() > REMEMBERED
            && let Some(oldest) = self.gone_order.pop_front()
        {
            self.gone.remove(&oldest);
        }
    }
}
