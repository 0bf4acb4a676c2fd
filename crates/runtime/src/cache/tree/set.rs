//! The tree as a whole.

use std::cmp::Ordering;
use std::fmt;

use super::iter::Iter;
use super::node::{Entry, Inserted, Node};

/// An ordered set of entries. Cloning copies one pointer and a number.
///
/// Lookups take a *probe*: how a key compares with what is looked for, as in
/// [`slice::binary_search_by`]. So nothing has to be built to look something up.
pub(in crate::cache) struct Tree<E: Entry> {
    pub(super) root: Node<E>,
    pub(super) len: usize,
}

impl<E: Entry> Clone for Tree<E> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), len: self.len }
    }
}

impl<E: Entry> Default for Tree<E> {
    fn default() -> Self {
        Self { root: Node::default(), len: 0 }
    }
}

impl<E: Entry> Tree<E> {
    pub(in crate::cache) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::cache) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry for which `probe` says equal.
    pub(in crate::cache) fn get(&self, probe: impl Fn(&E::Key) -> Ordering) -> Option<&E> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Inner(inner) => node = &inner.children[inner.child_of(&probe)],
                Node::Leaf(leaf) => return leaf.place(probe).ok().map(|at| &leaf[at]),
            }
        }
    }

    /// The entry of this key. Where entries have tags, this looks at fewer of them than [`get`](Self::get).
    pub(in crate::cache) fn find(&self, key: &E::Key) -> Option<&E> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Inner(inner) => node = &inner.children[inner.child_of(|bound| E::compare(bound, key))],
                Node::Leaf(leaf) => return leaf.find(key, E::tag(key)).map(|at| &leaf[at]),
            }
        }
    }

    /// Puts an entry in the place of the one with its key, which is returned.
    pub(in crate::cache) fn insert(&mut self, entry: E) -> Option<E> {
        match self.root.insert(entry) {
            Inserted::Replaced(previous) => return Some(previous),
            Inserted::Added => {}
            Inserted::Split(bound, right) => {
                let left = std::mem::take(&mut self.root);
                self.root = Node::inner([bound], vec![left, right]);
            }
        }
        self.len += 1;
        None
    }

    /// Takes out the entry for which `probe` says equal. Copies nothing when there is none.
    pub(in crate::cache) fn remove(&mut self, probe: impl Fn(&E::Key) -> Ordering) -> Option<E> {
        self.get(&probe)?;
        let removed = self.root.remove(&probe)?;
        self.len -= 1;
        while let Node::Inner(inner) = &self.root {
            match &*inner.children {
                [] => self.root = Node::default(),
                [only] => self.root = only.clone(),
                _ => break,
            }
        }
        Some(removed)
    }

    /// All entries in order.
    pub(in crate::cache) fn iter(&self) -> Iter<'_, E> {
        Iter::all(&self.root)
    }

    /// The entries from the first on for which `probe` does not say less.
    pub(in crate::cache) fn iter_from(&self, probe: impl Fn(&E::Key) -> Ordering) -> Iter<'_, E> {
        Iter::from(&self.root, probe)
    }
}

impl<E: Entry> fmt::Debug for Tree<E> {
    /// The number of entries only: what they hold may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tree({})", self.len)
    }
}
