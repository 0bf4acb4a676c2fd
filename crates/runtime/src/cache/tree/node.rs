//! The nodes of a tree.

use std::cmp::Ordering;
use std::iter::once;
use std::sync::Arc;

use super::leaf::Leaf;

/// Most entries of a leaf and most children of an inner node. A node that is copied because a snapshot holds it
/// costs one reference count per entry; a smaller node makes the tree higher and costs more memory around it.
pub(super) const MOST: usize = 32;
/// A node with fewer is joined with a neighbour where the two fit into one.
pub(super) const FEW: usize = MOST / 4;

/// What a tree holds: something with a key that orders it.
pub(in crate::cache) trait Entry: Clone {
    /// What the entries are ordered by. No two entries of a tree have the same.
    type Key: Clone;

    /// A few bits of a key, to tell most keys apart without a look at them; `()` where entries are not found by key
    /// often.
    type Tag: Copy + Default + PartialEq;

    /// The key. It never changes.
    fn key(&self) -> &Self::Key;

    /// The order of two keys.
    fn compare(one: &Self::Key, two: &Self::Key) -> Ordering;

    /// The tag of a key: the same for equal keys.
    fn tag(key: &Self::Key) -> Self::Tag;
}

/// A node with all that is below it. Cloning shares it.
pub(super) enum Node<E: Entry> {
    /// Entries in the order of their keys; empty only as the root.
    Leaf(Arc<Leaf<E>>),
    Inner(Arc<Inner<E>>),
}

pub(super) struct Inner<E: Entry> {
    /// Between two neighbouring children: not after any key of the right one, after all keys of the left one.
    /// Apart from the children, because an update of an entry copies these but not the bounds.
    pub(super) bounds: Arc<[E::Key]>,
    pub(super) children: Vec<Node<E>>,
}

/// What an insertion did to a node.
pub(super) enum Inserted<E: Entry> {
    /// There was an entry of this key.
    Replaced(E),
    Added,
    /// Added, and the node was full: this is its right half, from this bound on.
    Split(E::Key, Node<E>),
}

impl<E: Entry> Clone for Node<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(entries) => Self::Leaf(Arc::clone(entries)),
            Self::Inner(inner) => Self::Inner(Arc::clone(inner)),
        }
    }
}

impl<E: Entry> Clone for Inner<E> {
    fn clone(&self) -> Self {
        Self { bounds: Arc::clone(&self.bounds), children: self.children.clone() }
    }
}

impl<E: Entry> Default for Node<E> {
    fn default() -> Self {
        Self::Leaf(Arc::default())
    }
}

impl<E: Entry> Node<E> {
    pub(super) fn inner(bounds: impl IntoIterator<Item = E::Key>, children: Vec<Self>) -> Self {
        Self::Inner(Arc::new(Inner { bounds: bounds.into_iter().collect(), children }))
    }

    /// How many entries or children there are.
    fn width(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    pub(super) fn insert(&mut self, entry: E) -> Inserted<E> {
        match self {
            Self::Leaf(leaf) => insert_into_leaf(leaf, entry),
            Self::Inner(inner) => {
                let at = inner.child_of(|key| E::compare(key, entry.key()));
                let inner = Arc::make_mut(inner);
                match inner.children[at].insert(entry) {
                    Inserted::Split(bound, right) => inner.insert_child(at, bound, right),
                    done => done,
                }
            }
        }
    }

    /// Takes out an entry that is there for sure: the nodes on the way are copied where they are shared.
    pub(super) fn remove(&mut self, probe: &impl Fn(&E::Key) -> Ordering) -> Option<E> {
        match self {
            Self::Leaf(leaf) => {
                let at = leaf.place(probe).ok()?;
                Some(Arc::make_mut(leaf).remove(at))
            }
            Self::Inner(inner) => {
                let at = inner.child_of(probe);
                let inner = Arc::make_mut(inner);
                let removed = inner.children[at].remove(probe);
                inner.join_if_small(at);
                removed
            }
        }
    }
}

fn insert_into_leaf<E: Entry>(leaf: &mut Arc<Leaf<E>>, entry: E) -> Inserted<E> {
    if let Some(at) = leaf.find(entry.key(), E::tag(entry.key())) {
        return Inserted::Replaced(Arc::make_mut(leaf).replace(at, entry));
    }
    let at = leaf.place(|key| E::compare(key, entry.key())).unwrap_or_else(|at| at);
    let leaf = Arc::make_mut(leaf);
    if leaf.len() < MOST {
        leaf.insert(at, entry);
        return Inserted::Added;
    }
    let middle = split_point(leaf.len(), at);
    let mut right = leaf.split_off(middle);
    match at.checked_sub(middle) {
        Some(at) => right.insert(at, entry),
        None => leaf.insert(at, entry),
    }
    let bound = right[0].key().clone();
    Inserted::Split(bound, Node::Leaf(Arc::new(right)))
}

/// Where a full node is cut. One that grows at its end stays full: keys that come in order fill a tree.
fn split_point(width: usize, inserted_at: usize) -> usize {
    if inserted_at == width { width } else { width / 2 }
}

impl<E: Entry> Inner<E> {
    /// The child that holds the key which `probe` compares with, if any does.
    pub(super) fn child_of(&self, probe: impl Fn(&E::Key) -> Ordering) -> usize {
        self.bounds.partition_point(|bound| probe(bound).is_le())
    }

    /// Puts the right half of a child that was split beside it.
    fn insert_child(&mut self, at: usize, bound: E::Key, right: Node<E>) -> Inserted<E> {
        let mut bounds = self.bounds.to_vec();
        bounds.insert(at, bound);
        self.children.insert(at + 1, right);
        if self.children.len() <= MOST {
            self.bounds = bounds.into();
            return Inserted::Added;
        }
        let middle = split_point(self.children.len() - 1, at + 1);
        let right_children = self.children.split_off(middle);
        let right_bounds = bounds.split_off(middle);
        let bound = bounds.pop();
        self.bounds = bounds.into();
        match bound {
            Some(bound) => Inserted::Split(bound, Node::inner(right_bounds, right_children)),
            // Not with two or more children on the left, which there always are.
            None => Inserted::Added,
        }
    }

    /// Takes out a child that has become empty; joins one that has become small with a neighbour where the two
    /// fit into one node.
    fn join_if_small(&mut self, at: usize) {
        let width = self.children[at].width();
        let left = at.saturating_sub(1);
        if width == 0 {
            self.children.remove(at);
            self.remove_bound(left);
            return;
        }
        if width >= FEW || self.children.len() < 2 {
            return;
        }
        let joined = match (&self.children[left], &self.children[left + 1]) {
            (one, two) if one.width() + two.width() > MOST => return,
            (Node::Leaf(one), Node::Leaf(two)) => {
                Node::Leaf(Arc::new(Leaf::of(one.iter().chain(two.iter()).cloned().collect())))
            }
            (Node::Inner(one), Node::Inner(two)) => {
                let bound = once(&self.bounds[left]);
                let bounds = one.bounds.iter().chain(bound).chain(two.bounds.iter()).cloned();
                let children = one.children.iter().chain(&two.children).cloned().collect();
                Node::inner(bounds, children)
            }
            // All leaves are at one depth.
            _ => return,
        };
        self.children[left] = joined;
        self.children.remove(left + 1);
        self.remove_bound(left);
    }

    fn remove_bound(&mut self, at: usize) {
        let bounds = self.bounds.iter().enumerate().filter(|(index, _)| *index != at);
        self.bounds = bounds.map(|(_, bound)| bound.clone()).collect();
    }
}
