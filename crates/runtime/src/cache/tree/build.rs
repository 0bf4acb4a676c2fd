//! Building a tree from what is sorted already.

use std::sync::Arc;

use super::leaf::Leaf;
use super::node::{Entry, MOST, Node};
use super::set::Tree;

/// How full nodes are made: with room, so that the next insertions split none.
const FILLED: usize = MOST * 3 / 4;

impl<E: Entry> Tree<E> {
    /// The tree of entries that come in strictly ascending order; linear.
    pub(in crate::cache) fn from_sorted(entries: impl IntoIterator<Item = E>) -> Self {
        let mut entries = entries.into_iter();
        let mut len = 0;
        let mut level: Vec<(E::Key, Node<E>)> = Vec::new();
        loop {
            let mut leaf = Vec::with_capacity(FILLED);
            leaf.extend(entries.by_ref().take(FILLED));
            let Some(first) = leaf.first() else { break };
            len += leaf.len();
            level.push((first.key().clone(), Node::Leaf(Arc::new(Leaf::of(leaf)))));
        }
        while level.len() > 1 {
            level = above(level);
        }
        let root = level.pop().map(|(_, root)| root).unwrap_or_default();
        Self { root, len }
    }

    /// Panics where the structure is not what the node's documentation says.
    #[cfg(any(test, debug_assertions))]
    pub(in crate::cache) fn check_invariants(&self) {
        let mut entries = 0;
        let mut depths = Vec::new();
        check(&self.root, 0, &mut entries, &mut depths);
        assert_eq!(entries, self.len, "the length is the number of entries");
        assert!(depths.iter().all(|depth| *depth == depths[0]), "all leaves are at one depth");
        let keys: Vec<_> = self.iter().map(Entry::key).collect();
        assert!(keys.windows(2).all(|two| E::compare(two[0], two[1]).is_lt()), "keys ascend");
        for entry in self.iter() {
            let key = entry.key();
            let (found, searched) = (self.find(key), self.get(|known| E::compare(known, key)));
            assert!(found.is_some() && searched.is_some(), "every entry is found under its key");
        }
    }
}

/// The level of nodes above this one. Each node comes with the first key below it.
fn above<E: Entry>(level: Vec<(E::Key, Node<E>)>) -> Vec<(E::Key, Node<E>)> {
    let mut nodes = level.into_iter();
    let mut upper = Vec::new();
    while let Some((first, leftmost)) = nodes.next() {
        let (bounds, others): (Vec<_>, Vec<_>) = nodes.by_ref().take(FILLED - 1).unzip();
        let mut children = Vec::with_capacity(others.len() + 1);
        children.push(leftmost);
        children.extend(others);
        upper.push((first, Node::inner(bounds, children)));
    }
    upper
}

#[cfg(any(test, debug_assertions))]
fn check<E: Entry>(node: &Node<E>, depth: usize, entries: &mut usize, depths: &mut Vec<usize>) {
    match node {
        Node::Leaf(leaf) => {
            assert!(leaf.len() <= MOST && (depth == 0 || !leaf.is_empty()), "a leaf of {}", leaf.len());
            leaf.check_invariants();
            *entries += leaf.len();
            depths.push(depth);
        }
        Node::Inner(inner) => {
            assert_eq!(inner.bounds.len() + 1, inner.children.len(), "a bound between any two children");
            assert!(inner.children.len() <= MOST && (depth > 0 || inner.children.len() > 1));
            inner.children.iter().for_each(|child| check(child, depth + 1, entries, depths));
        }
    }
}
