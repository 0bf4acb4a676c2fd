//! What to do about one object of the owner graph. No I/O.

use std::sync::Arc;

use super::graph::Graph;
use super::node::{FOREGROUND, Node, ORPHAN, Owner};

/// The next write for one object, or the question that comes first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    Nothing,
    /// Ask the server whether these owners exist; the graph does not know them.
    Verify(Vec<Owner>),
    /// Delete the object: no owner is left. In the foreground when it has dependents of its own to go first.
    Delete {
        foreground: bool,
    },
    /// Take these owners' references off the object: others keep it.
    DropReferences(Vec<Arc<str>>),
    /// Take `blockOwnerDeletion` off the object's references: it waits in a circle.
    Unblock,
    /// Look at these dependents; the object waits for them.
    Await(Vec<Arc<str>>),
    /// Take this finalizer off: nothing is left to wait for.
    Release(&'static str),
    /// Take the object's uid off these dependents, then its finalizer.
    Orphan(Vec<Arc<str>>),
}

#[derive(PartialEq)]
enum Standing {
    Solid,
    Waiting,
    Absent,
    Unknown,
    Unresolvable,
}

/// Decides about the object of this uid.
pub(crate) fn decide(graph: &Graph, uid: &str) -> Decision {
    let Some(node) = graph.node(uid) else { return Decision::Nothing };
    if node.is_deleting {
        return of_deleting(graph, node);
    }
    let mut unknown = Vec::new();
    let (mut solid, mut waiting, mut absent) = (0, Vec::new(), Vec::new());
    for owner in &node.owners {
        match standing(graph, node, owner) {
            Standing::Solid => solid += 1,
            Standing::Waiting => waiting.push(Arc::clone(&owner.uid)),
            Standing::Absent => absent.push(Arc::clone(&owner.uid)),
            Standing::Unknown => unknown.push(owner.clone()),
            Standing::Unresolvable => return Decision::Nothing,
        }
    }
    if node.owners.is_empty() {
        Decision::Nothing
    } else if !unknown.is_empty() {
        Decision::Verify(unknown)
    } else if solid > 0 {
        absent.append(&mut waiting);
        if absent.is_empty() { Decision::Nothing } else { Decision::DropReferences(absent) }
    } else if waiting.is_empty() {
        Decision::Delete { foreground: false }
    } else {
        let is_circle = graph.dependents(uid).any(Node::is_waiting);
        let is_blocking = node.owners.iter().any(|owner| owner.block_owner_deletion == Some(true));
        if is_circle && is_blocking {
            return Decision::Unblock;
        }
        Decision::Delete { foreground: graph.dependents(uid).next().is_some() }
    }
}

/// A namespaced owner in another namespace counts as absent, and so does one whose
/// kind or name is not that of the reference.
fn standing(graph: &Graph, node: &Node, owner: &Owner) -> Standing {
    match graph.node(&owner.uid) {
        Some(found) => {
            // A cluster-scoped object cannot have a namespaced owner: nothing can be said about such a reference.
            if found.resource.is_namespaced() && !node.resource.is_namespaced() {
                return Standing::Unresolvable;
            }
            let is_elsewhere = found.resource.is_namespaced() && found.key.namespace != node.key.namespace;
            if is_elsewhere || found.resource.kind != owner.kind || *found.key.name != *owner.name {
                Standing::Absent
            } else if found.is_waiting() {
                Standing::Waiting
            } else {
                Standing::Solid
            }
        }
        None if graph.is_gone(owner, &node.key.namespace) => Standing::Absent,
        None => Standing::Unknown,
    }
}

fn of_deleting(graph: &Graph, node: &Node) -> Decision {
    if node.has_finalizer(ORPHAN) {
        return Decision::Orphan(graph.dependents(&node.uid).map(|found| Arc::clone(&found.uid)).collect());
    }
    if !node.has_finalizer(FOREGROUND) {
        return Decision::Nothing;
    }
    let blocking = graph.dependents(&node.uid).any(|dependent| dependent.blocks(&node.uid));
    if !blocking {
        return Decision::Release(FOREGROUND);
    }
    let left = graph.dependents(&node.uid).filter(|dependent| !dependent.is_deleting);
    Decision::Await(left.map(|dependent| Arc::clone(&dependent.uid)).collect())
}
