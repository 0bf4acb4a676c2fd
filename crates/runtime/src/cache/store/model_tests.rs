//! The store against a model, with random writes; and with readers and writers at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::Store;
use super::tests::{key, version, with, words_of};
use crate::cache::reflector::WatchEvent::{self, Added, Bookmark, Deleted, Modified};
use crate::cache::{CachedObject, ChangeKind, Index, Snapshot};

const WORDS: [&str; 5] = ["", "x", "y", "x y", "y z z"];

#[derive(Clone, Debug)]
enum Step {
    Put(u8, usize),
    Delete(u8),
    Bookmark,
    /// Some names with new words, in an order of their own; some of those present stay as they are, unlisted or
    /// unreadable.
    List(Vec<(u8, usize)>, BTreeSet<u8>),
    AddIndex,
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..40_u8;
    let list = proptest::collection::vec((name.clone(), 0..WORDS.len()), 0..60);
    prop_oneof![
        20 => (name.clone(), 0..WORDS.len()).prop_map(|(name, words)| Step::Put(name, words)),
        8 => name.clone().prop_map(Step::Delete),
        2 => Just(Step::Bookmark),
        1 => (list, proptest::collection::btree_set(name, 0..10))
            .prop_map(|(list, unreadable)| Step::List(list, unreadable)),
        1 => Just(Step::AddIndex),
        4 => Just(Step::Look),
    ]
}

/// Version and words by name.
type Model = BTreeMap<String, (u64, usize)>;

fn shown(snapshot: &Snapshot) -> Vec<(String, u64)> {
    let entry = |object: &Arc<CachedObject>| {
        (object.key().name.to_string(), object.resource_version().number().unwrap())
    };
    snapshot.iter().map(entry).collect()
}

fn expected(model: &Model) -> Vec<(String, u64)> {
    model.iter().map(|(name, (version, _))| (name.clone(), *version)).collect()
}

fn check(store: &Store, model: &Model, reached: u64, indexes: &[Index<String>]) {
    let snapshot = store.snapshot();
    snapshot.contents.check_invariants();
    assert_eq!(shown(&snapshot), expected(model));
    assert_eq!((snapshot.len(), snapshot.resource_version()), (model.len(), &version(reached)));
    for index in indexes {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, (_, words)) in model {
            let words: BTreeSet<_> = WORDS[*words].split_whitespace().collect();
            for word in words {
                found.entry(word.to_owned()).or_default().push(name.clone());
            }
        }
        assert_eq!(index.keys(), found.keys().cloned().collect::<Vec<_>>());
        for (word, names) in &found {
            let objects = index.get(word);
            assert_eq!(&objects.iter().map(|one| one.key().name.to_string()).collect::<Vec<_>>(), names);
            assert!(objects.iter().all(|one| Arc::ptr_eq(snapshot.get(one.key()).unwrap(), one)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn s1_s2_s3_s4_s5_whatever_is_written_each_read_and_each_index_shows_the_state(
        steps in proptest::collection::vec(step(), 1..80),
        batches in proptest::collection::vec(1..50_usize, 8),
    ) {
        let (store, mut model, mut reached) = (Store::default(), Model::new(), 0);
        let (mut indexes, mut looked) = (Vec::new(), Vec::new());
        let mut batch: Vec<WatchEvent> = Vec::new();
        let mut limits = batches.iter().cycle();
        let mut limit = 1;
        for step in steps {
            reached += 1;
            match step {
                Step::Put(name, words) => {
                    let name = format!("o{name:02}");
                    let object = with(&name, reached, WORDS[words]);
                    let is_new = model.insert(name, (reached, words)).is_none();
                    batch.push(if is_new { Added(object) } else { Modified(object) });
                }
                Step::Delete(name) => {
                    let name = format!("o{name:02}");
                    model.remove(&name);
                    batch.push(Deleted(with(&name, reached, "x")));
                }
                Step::Bookmark => batch.push(Bookmark(version(reached))),
                other => {
                    store.apply(std::mem::take(&mut batch));
                    match other {
                        Step::List(list, unreadable) => replace(&store, &mut model, &list, &unreadable, reached),
                        Step::AddIndex => {
                            reached -= 1;
                            indexes.push(store.index(&format!("i{}", indexes.len()), words_of).unwrap());
                        }
                        _ => {
                            reached -= 1;
                            looked.push((store.snapshot(), expected(&model)));
                        }
                    }
                    check(&store, &model, reached, &indexes);
                }
            }
            if batch.len() >= limit {
                store.apply(std::mem::take(&mut batch));
                check(&store, &model, reached, &indexes);
                limit = *limits.next().unwrap();
            }
        }
        store.apply(batch);
        check(&store, &model, reached, &indexes);
        for (snapshot, then) in looked {
            prop_assert_eq!(shown(&snapshot), then, "a snapshot never changes");
            snapshot.contents.check_invariants();
        }
    }
}

/// Replaces the state by a list in which every third object is as it was.
fn replace(store: &Store, model: &mut Model, list: &[(u8, usize)], unreadable: &BTreeSet<u8>, reached: u64) {
    let mut next = Model::new();
    let mut objects = Vec::new();
    for (at, (name, words)) in list.iter().enumerate() {
        let name = format!("o{name:02}");
        let (version, words) = match model.get(&name) {
            Some(same) if at % 3 == 0 && !next.contains_key(&name) => *same,
            _ => (reached, *words),
        };
        // A name that comes twice has the words of its first mention: one version of an object is one state.
        let (version, words) = *next.entry(name.clone()).or_insert((version, words));
        objects.push(with(&name, version, WORDS[words]));
    }
    let unreadable: Vec<_> = unreadable.iter().map(|name| format!("o{name:02}")).collect();
    for name in &unreadable {
        if let Some(known) = model.get(name) {
            next.entry(name.clone()).or_insert(*known);
        }
    }
    let gone = model.keys().filter(|name| !next.contains_key(*name)).count();
    let keys: Vec<_> = unreadable.iter().map(|name| key(name)).collect();
    let written = store.replace(objects, &keys, &version(reached)).written;
    let (first, rest) = written.split_at(gone);
    assert!(first.iter().all(|change| change.kind == ChangeKind::Deleted));
    assert!(rest.iter().all(|change| change.kind != ChangeKind::Deleted));
    *model = next;
}

/// A state in which all objects carry one version: `replace` writes only such.
fn uniform(round: u64) -> Vec<Arc<CachedObject>> {
    (0..80)
        .map(|number| with(&format!("o{number:03}"), round, ["x", "y"][usize::try_from(round % 2).unwrap()]))
        .collect()
}

#[test]
fn s5_s17_readers_see_one_state_each_while_writers_and_index_builders_work() {
    let store = Store::default();
    let word = store.index("word", words_of).unwrap();
    store.replace(uniform(1), &[], &version(1));
    let lists: Vec<_> = (2..22).map(|round| (round, uniform(round))).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let snapshot = store.snapshot();
                    let number = snapshot.resource_version().number().unwrap();
                    assert!(snapshot.iter().all(|object| object.resource_version() == &version(number)));
                    let view = word.on(&snapshot).unwrap();
                    let expected = ["x", "y"][usize::try_from(number % 2).unwrap()].to_owned();
                    assert_eq!((view.count(&expected), view.keys().count()), (80, 1));
                }
            });
        }
        scope.spawn(|| {
            for number in 0..5 {
                let late = store.index(&format!("late {number}"), words_of).unwrap();
                let snapshot = store.snapshot();
                let view = late.on(&snapshot).unwrap();
                let all: usize = view.keys().map(|word| view.count(word)).sum();
                assert_eq!(all, 80, "complete when it is there");
            }
        });
        for (round, list) in lists {
            store.replace(list, &[], &version(round));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let snapshot = store.snapshot();
    snapshot.contents.check_invariants();
    assert_eq!((snapshot.len(), snapshot.resource_version()), (80, &version(21)));
    assert_eq!(snapshot.contents.indexes.len(), 6);
}
