//! The tree against the standard library's.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Numbered {
    number: u16,
    payload: Arc<str>,
}

impl Entry for Numbered {
    type Key = u16;
    /// Of each four numbers next to each other, two have the same.
    type Tag = u8;

    fn key(&self) -> &u16 {
        &self.number
    }

    fn compare(one: &u16, two: &u16) -> Ordering {
        one.cmp(two)
    }

    fn tag(number: &u16) -> u8 {
        number.to_le_bytes()[0] & 0xfd
    }
}

fn entry(number: u16, payload: u32) -> Numbered {
    Numbered { number, payload: payload.to_string().into() }
}

fn of(model: &BTreeMap<u16, Numbered>, from: u16) -> Vec<Numbered> {
    model.range(from..).map(|(_, entry)| entry.clone()).collect()
}

/// Enough keys for three levels, close enough to meet often.
fn number() -> impl Strategy<Value = u16> {
    prop_oneof![0..64_u16, 0..2048_u16]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    InsertRun(u16, u16),
    Remove(u16),
    RemoveRun(u16, u16),
    Copy,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => number().prop_map(Step::Insert),
        2 => (number(), 0..400_u16).prop_map(|(first, count)| Step::InsertRun(first, count)),
        3 => number().prop_map(Step::Remove),
        1 => (number(), 0..500_u16).prop_map(|(first, count)| Step::RemoveRun(first, count)),
        1 => Just(Step::Copy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_tree_holds_what_a_map_does_and_copies_of_it_never_change(
        initial in proptest::collection::btree_set(number(), 0..1500),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let mut model: BTreeMap<u16, Numbered> =
            initial.iter().map(|number| (*number, entry(*number, 0))).collect();
        let mut tree = Tree::from_sorted(model.values().cloned());
        let mut copies = vec![(tree.clone(), model.clone())];
        for (turn, step) in (1..).zip(&steps) {
            let mut insert = |number: u16| {
                let new = entry(number, turn);
                assert_eq!(tree.insert(new.clone()), model.insert(number, new));
            };
            match *step {
                Step::Insert(number) => insert(number),
                Step::InsertRun(first, count) => (first..first + count).for_each(insert),
                Step::Remove(number) => {
                    prop_assert_eq!(tree.remove(|key| key.cmp(&number)), model.remove(&number));
                }
                Step::RemoveRun(first, count) => {
                    for number in first..first + count {
                        prop_assert_eq!(tree.remove(|key| key.cmp(&number)), model.remove(&number));
                    }
                }
                Step::Copy => copies.push((tree.clone(), model.clone())),
            }
            tree.check_invariants();
            prop_assert_eq!((tree.len(), tree.is_empty()), (model.len(), model.is_empty()));
        }
        copies.push((tree, model));
        for (tree, model) in &copies {
            prop_assert_eq!(tree.iter().cloned().collect::<Vec<_>>(), of(model, 0));
            for from in [0, 1, 17, 63, 500, 2047, 5000] {
                let found: Vec<_> = tree.iter_from(|key| key.cmp(&from)).cloned().collect();
                prop_assert_eq!(found, of(model, from));
                prop_assert_eq!(tree.get(|key| key.cmp(&from)), model.get(&from));
                prop_assert_eq!(tree.find(&from), model.get(&from));
            }
        }
    }
}

#[test]
fn an_entry_that_was_replaced_or_removed_is_held_by_nothing_in_the_tree() {
    let mut tree = Tree::from_sorted((0..3000).map(|number| entry(number, 0)));
    let held: Vec<Arc<str>> = tree.iter().map(|entry| Arc::clone(&entry.payload)).collect();
    for number in 0..3000 {
        tree.insert(entry(number, 1));
        if number % 3 == 0 {
            tree.remove(|key| key.cmp(&number));
        }
    }
    assert!(held.iter().all(|payload| Arc::strong_count(payload) == 1));
}

#[test]
fn keys_that_come_in_order_fill_the_nodes() {
    let mut tree = Tree::default();
    (0..10_000).for_each(|number| drop(tree.insert(entry(number, 0))));
    let bulk = Tree::from_sorted((0..10_000).map(|number| entry(number, 0)));
    tree.check_invariants();
    assert!(leaves(&tree) <= leaves(&bulk), "{} {}", leaves(&tree), leaves(&bulk));
}

fn leaves(tree: &Tree<Numbered>) -> usize {
    fn below(node: &super::node::Node<Numbered>) -> usize {
        match node {
            super::node::Node::Leaf(_) => 1,
            super::node::Node::Inner(inner) => inner.children.iter().map(below).sum(),
        }
    }
    below(&tree.root)
}
