//! The promises of the queue that merges nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::FutureExt;
use pilothouse_machinery::{Environment, ResourceVersion};
use proptest::prelude::*;
use tokio::time::{advance, timeout};

use super::*;

type Queue = VersionQueue<&'static str, u64>;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn queue(limit: usize) -> Queue {
    let environment = Environment::simulated(1, jiff::Timestamp::UNIX_EPOCH);
    VersionQueue::new(&environment, WorkQueueOptions::named("test"), limit)
}

fn add(queue: &Queue, key: &'static str, version: u64) {
    queue.try_add(key, ResourceVersion::from_number(version), version).expect("there is room");
}

fn next(queue: &Queue) -> Option<VersionItem<&'static str, u64>> {
    queue.get().now_or_never().flatten()
}

fn seen(item: &VersionItem<&'static str, u64>) -> (&'static str, u64) {
    assert_eq!(*item.version(), ResourceVersion::from_number(*item.state()));
    (item.key(), *item.state())
}

#[tokio::test(start_paused = true)]
async fn every_version_of_a_key_comes_in_order_and_one_at_a_time() {
    let queue = queue(100);
    for version in 1..=3 {
        add(&queue, "a", version);
    }
    add(&queue, "b", 9);
    let first = queue.get().await.unwrap();
    assert_eq!(seen(&first), ("a", 1));
    assert_eq!(seen(&queue.get().await.unwrap()), ("b", 9));
    add(&queue, "a", 4);
    assert!(timeout(ms(50), queue.get()).await.is_err(), "the next version waits for the one before");
    drop(first);
    for version in 2..=4 {
        assert_eq!(seen(&queue.get().await.unwrap()), ("a", version));
    }
    assert!(next(&queue).is_none());
    assert_eq!(queue.keys.remembered(), 0, "nothing is kept of what is done");
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_version_added_last_is_not_added_twice_while_it_waits() {
    let queue = queue(100);
    add(&queue, "a", 1);
    add(&queue, "a", 1);
    assert_eq!(queue.len(), 1);
    let held = queue.get().await.unwrap();
    add(&queue, "a", 1);
    drop(held);
    assert_eq!(seen(&queue.get().await.unwrap()), ("a", 1));
    assert!(next(&queue).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_comes_again_before_its_successors_which_do_not_hasten_it() {
    let queue = queue(100);
    add(&queue, "a", 1);
    add(&queue, "a", 2);
    let delay = queue.get().await.unwrap().retry().unwrap();
    assert_eq!(delay, ms(5));
    add(&queue, "a", 3);
    add(&queue, "b", 9);
    assert_eq!(seen(&next(&queue).unwrap()), ("b", 9), "another key is not held up");
    advance(ms(4)).await;
    assert!(next(&queue).is_none());
    advance(ms(1)).await;
    let again = queue.get().await.unwrap();
    assert_eq!(seen(&again), ("a", 1));
    assert_eq!(again.retry().unwrap(), ms(10), "failures of a key add up");
    for version in 1..=3 {
        assert_eq!(seen(&queue.get().await.unwrap()), ("a", version));
    }
    add(&queue, "a", 4);
    assert_eq!(queue.get().await.unwrap().retry().unwrap(), ms(5), "and are forgotten after a success");
}

#[tokio::test(start_paused = true)]
async fn when_it_is_full_sources_wait_or_are_refused_and_nothing_is_lost() {
    let queue = queue(2);
    add(&queue, "a", 1);
    add(&queue, "b", 2);
    let refused = queue.try_add("c", ResourceVersion::from_number(3), 3).unwrap_err();
    assert_eq!((refused.reason(), refused.into_state()), ("QueueFull", 3));
    let mut waiting = Box::pin(queue.add("c", ResourceVersion::from_number(3), 3));
    assert!(waiting.as_mut().now_or_never().is_none());
    let held = queue.get().await.unwrap();
    timeout(ms(50), waiting).await.expect("there is room").unwrap();
    drop(held);
    assert_eq!(seen(&queue.get().await.unwrap()), ("b", 2));
    assert_eq!(seen(&queue.get().await.unwrap()), ("c", 3));
}

#[tokio::test(start_paused = true)]
async fn q4_after_shutdown_nothing_comes_in_and_everything_that_waits_goes_out_at_once() {
    let queue = queue(3);
    for version in 1..=3 {
        add(&queue, "a", version);
    }
    assert!(queue.get().await.unwrap().retry().is_ok());
    let mut blocked = Box::pin(queue.add("b", ResourceVersion::from_number(9), 9));
    assert!(blocked.as_mut().now_or_never().is_none());
    queue.shut_down();
    let refused = blocked.await.unwrap_err();
    assert_eq!((refused.reason(), refused.into_state()), ("QueueShutDown", 9));
    let first = next(&queue).expect("its retry does not wait any longer");
    assert_eq!(seen(&first), ("a", 1));
    assert_eq!(first.retry().unwrap_err(), 1, "nothing comes again: the worker keeps it");
    for version in 2..=3 {
        assert_eq!(seen(&timeout(ms(1), queue.get()).await.unwrap().unwrap()), ("a", version));
    }
    assert!(timeout(ms(1), queue.get()).await.expect("getters hear of the end").is_none());
}

#[tokio::test(start_paused = true)]
async fn q4_shutting_down_an_empty_queue_wakes_who_waits() {
    let queue = queue(3);
    let mut waiting = Box::pin(queue.get());
    assert!(waiting.as_mut().now_or_never().is_none());
    queue.shut_down();
    assert!(timeout(ms(1), waiting).await.unwrap().is_none());
}

#[derive(Clone, Debug)]
enum Operation {
    Add(u8),
    Take,
    Done(usize),
    Retry(usize),
    Advance(u64),
    Close,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        6 => (0..3_u8).prop_map(Operation::Add),
        4 => Just(Operation::Take),
        3 => any::<usize>().prop_map(Operation::Done),
        2 => any::<usize>().prop_map(Operation::Retry),
        2 => (0..30_u64).prop_map(Operation::Advance),
        1 => Just(Operation::Close),
    ];
    proptest::collection::vec(operation, 1..80)
}

/// What was added and not done yet, per key; and whose first is with a worker.
#[derive(Default)]
struct Model {
    lines: BTreeMap<&'static str, VecDeque<u64>>,
    held: Vec<VersionItem<&'static str, u64>>,
    given_back: usize,
}

impl Model {
    fn take(&mut self, item: VersionItem<&'static str, u64>) {
        let (key, version) = seen(&item);
        assert!(self.held.iter().all(|held| *held.key() != key), "two workers hold {key}");
        assert_eq!(self.lines[key].front(), Some(&version), "the first of {key} that is not done");
        self.held.push(item);
    }

    fn done(&mut self, key: &'static str) {
        self.lines.get_mut(key).unwrap().pop_front();
    }

    fn left(&self) -> usize {
        self.lines.values().map(VecDeque::len).sum()
    }
}

async fn run(operations: Vec<Operation>) {
    let queue = queue(12);
    let (mut model, mut version, mut closed) = (Model::default(), 0, false);
    for operation in operations {
        match operation {
            Operation::Add(key) => {
                let key = ["a", "b", "c"][usize::from(key)];
                version += 1;
                let full = queue.len() >= 12;
                let added = queue.try_add(key, ResourceVersion::from_number(version), version);
                assert_eq!(added.is_ok(), !full && !closed);
                if added.is_ok() {
                    model.lines.entry(key).or_default().push_back(version);
                }
            }
            Operation::Take => {
                if let Some(item) = next(&queue) {
                    model.take(item);
                }
            }
            Operation::Done(index) | Operation::Retry(index) if !model.held.is_empty() => {
                let item = model.held.swap_remove(index % model.held.len());
                let (key, version) = seen(&item);
                if matches!(operation, Operation::Done(_)) {
                    model.done(key);
                } else if item.retry() == Err(version) {
                    assert!(closed);
                    model.done(key);
                    model.given_back += 1;
                }
            }
            Operation::Done(_) | Operation::Retry(_) => {}
            Operation::Advance(milliseconds) => advance(ms(milliseconds)).await,
            Operation::Close => {
                queue.shut_down();
                closed = true;
            }
        }
        assert_eq!(queue.len() + model.held.len(), model.left(), "nothing is lost and nothing appears");
    }
    // In the end everything comes, and the end is heard of.
    for item in std::mem::take(&mut model.held) {
        model.done(item.key());
    }
    queue.shut_down();
    while let Some(item) = timeout(ms(1), queue.get()).await.expect("what is left comes at once") {
        let key = seen(&item).0;
        model.take(item);
        model.held.clear();
        model.done(key);
    }
    assert_eq!((model.left(), queue.keys.remembered()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
    #[test]
    fn whatever_happens_each_version_comes_once_in_order_and_none_is_lost(operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(operations));
    }
}
