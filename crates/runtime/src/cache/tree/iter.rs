//! Walking over a tree.

use std::cmp::Ordering;
use std::slice;

use super::node::{Entry, Node};

/// Entries in order.
pub(in crate::cache) struct Iter<'a, E: Entry> {
    leaf: slice::Iter<'a, E>,
    /// What is right of the leaf, the nearest last.
    rest: Vec<slice::Iter<'a, Node<E>>>,
}

impl<'a, E: Entry> Iter<'a, E> {
    pub(super) fn all(root: &'a Node<E>) -> Self {
        Self { leaf: [].iter(), rest: vec![slice::from_ref(root).iter()] }
    }

    pub(super) fn from(root: &'a Node<E>, probe: impl Fn(&E::Key) -> Ordering) -> Self {
        let mut rest = Vec::new();
        let mut node = root;
        loop {
            match node {
                Node::Inner(inner) => {
                    let at = inner.child_of(&probe);
                    rest.push(inner.children[at + 1..].iter());
                    node = &inner.children[at];
                }
                Node::Leaf(leaf) => {
                    let at = leaf.partition_point(|entry| probe(entry.key()).is_lt());
                    return Self { leaf: leaf[at..].iter(), rest };
                }
            }
        }
    }
}

impl<'a, E: Entry> Iterator for Iter<'a, E> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        loop {
            if let Some(entry) = self.leaf.next() {
                return Some(entry);
            }
            match self.rest.last_mut()?.next() {
                None => drop(self.rest.pop()),
                Some(Node::Leaf(leaf)) => self.leaf = leaf.iter(),
                Some(Node::Inner(inner)) => self.rest.push(inner.children.iter()),
            }
        }
    }
}
