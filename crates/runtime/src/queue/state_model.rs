//! The state machine against a model that is too simple to be wrong: unordered lists and linear searches.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::Priority;
use super::state::State;

type Key = u8;
const AGEING: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
enum Operation {
    Add(Key, Priority),
    AddAfter(Key, u64, Priority),
    Take,
    Done(usize),
    Advance(u64),
    Close,
}

#[derive(Default)]
struct Model {
    line: Vec<(Key, Priority, Instant)>,
    waiting: Vec<(Instant, u64, Key, Priority)>,
    working: Vec<Key>,
    asked_while_working: Vec<(Key, Priority)>,
    steps: u64,
    closed: bool,
}

impl Model {
    fn add(&mut self, key: Key, priority: Priority, now: Instant) {
        let waiting = self.waiting.iter().position(|entry| entry.2 == key);
        let waited = waiting.map(|index| self.waiting.remove(index).3);
        let priority = waited.map_or(priority, |waited| waited.max(priority));
        self.make_ready(key, priority, now);
    }

    fn make_ready(&mut self, key: Key, priority: Priority, at: Instant) {
        if self.working.contains(&key) {
            match self.asked_while_working.iter_mut().find(|asked| asked.0 == key) {
                Some(asked) => asked.1 = asked.1.max(priority),
                None => self.asked_while_working.push((key, priority)),
            }
        } else if let Some(index) = self.line.iter().position(|place| place.0 == key) {
            if self.line[index].1 < priority {
                self.line.remove(index);
                self.line.push((key, priority, at));
            }
        } else {
            self.line.push((key, priority, at));
        }
    }

    fn add_after(&mut self, key: Key, delay: u64, priority: Priority, now: Instant) {
        let ready = self.line.iter().any(|place| place.0 == key)
            || self.asked_while_working.iter().any(|asked| asked.0 == key);
        if ready || delay == 0 {
            return self.add(key, priority, now);
        }
        let (mut due, mut priority) = (now + Duration::from_millis(delay), priority);
        if let Some(index) = self.waiting.iter().position(|entry| entry.2 == key) {
            let earlier = self.waiting.remove(index);
            (due, priority) = (due.min(earlier.0), priority.max(earlier.3));
        }
        self.steps += 1;
        self.waiting.push((due, self.steps, key, priority));
    }

    fn promote(&mut self, now: Instant) {
        while let Some(first) = self.waiting.iter().min().copied().filter(|first| first.0 <= now) {
            self.waiting.retain(|entry| *entry != first);
            self.make_ready(first.2, first.3, first.0);
        }
    }

    fn take(&mut self) -> Option<(Key, Priority)> {
        let rank = |place: &(Key, Priority, Instant)| match place.1 {
            Priority::Normal => (place.2, 1),
            Priority::Low => (place.2 + AGEING, 0),
        };
        let heads = [Priority::Normal, Priority::Low]
            .map(|band| self.line.iter().find(|place| place.1 == band).copied());
        let (key, priority, _) = heads.into_iter().flatten().min_by_key(rank)?;
        self.line.retain(|place| place.0 != key);
        self.working.push(key);
        Some((key, priority))
    }

    fn done(&mut self, key: Key, now: Instant) {
        self.working.retain(|working| *working != key);
        if let Some(index) = self.asked_while_working.iter().position(|asked| asked.0 == key) {
            let (key, priority) = self.asked_while_working.remove(index);
            self.line.push((key, priority, now));
        }
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = 0_u8..6;
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::Normal)];
    prop_oneof![
        6 => (key.clone(), priority.clone()).prop_map(|(key, priority)| Operation::Add(key, priority)),
        4 => (key, 0_u64..60, priority)
            .prop_map(|(key, delay, priority)| Operation::AddAfter(key, delay, priority)),
        6 => Just(Operation::Take),
        5 => any::<usize>().prop_map(Operation::Done),
        4 => (0_u64..40).prop_map(Operation::Advance),
    ]
}

fn run(operations: &[Operation]) {
    let start = Instant::now();
    let (mut state, mut model, mut elapsed) = (State::new(AGEING), Model::default(), 0);
    for operation in operations {
        let now = start + Duration::from_millis(elapsed);
        model.promote(now);
        match operation {
            Operation::Add(key, priority) => {
                state.add(*key, *priority, now);
                if !model.closed {
                    model.add(*key, *priority, now);
                }
            }
            Operation::AddAfter(key, delay, priority) => {
                state.add_after(*key, Duration::from_millis(*delay), *priority, now);
                if !model.closed {
                    model.add_after(*key, *delay, *priority, now);
                }
            }
            Operation::Take => {
                let taken = state.take(now).map(|taken| (taken.key, taken.priority));
                assert_eq!(taken, model.take(), "taken after {elapsed} ms");
            }
            Operation::Done(index) => {
                if let Some(key) = model.working.get(index % model.working.len().max(1)).copied() {
                    assert!(state.done(&key, now).is_some(), "{key} was in a worker's hands");
                    model.done(key, now);
                }
            }
            Operation::Advance(milliseconds) => elapsed += milliseconds,
            Operation::Close => {
                state.close(now);
                model.closed = true;
                model.waiting.clear();
            }
        }
        let band = |band| model.line.iter().filter(|place| place.1 == band).count();
        assert_eq!(state.depths(now), (band(Priority::Normal), band(Priority::Low)), "depths");
        assert_eq!(state.next_due(), model.waiting.iter().map(|entry| entry.0).min(), "next due time");
        assert_eq!(state.started().count(), model.working.len(), "keys in workers' hands");
    }
}

proptest! {
    /// Any history gives what the model gives: merging (Q1, Q2, Q8), bands and raising (P1, P2, P5), times
    /// (Q9, P3, P6).
    #[test]
    fn q2_any_history_matches_the_model(
        operations in prop::collection::vec(operation(), 1..120),
        close in prop::option::of(0_usize..120),
    ) {
        let mut operations = operations;
        if let Some(at) = close.filter(|at| *at < operations.len()) {
            operations.insert(at, Operation::Close);
        }
        run(&operations);
    }
}
