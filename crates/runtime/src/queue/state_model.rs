//! The state machine against a model that is too simple to be wrong: unordered lists and linear searches.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::state::State;
use super::time::Time;
use super::*;

type Key = u16;
const AGEING: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
enum Operation {
    Add(Key, u64, Priority),
    Retry(Key, u64, Priority),
    SetFailures(Key, u8),
    Forget(Key),
    Take,
    Done(usize),
    Advance(u64),
    Close,
}

/// Delays of the options, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    debounce: u64,
    interval: u64,
}

#[derive(Default)]
struct Model {
    pace: Pace,
    line: Vec<(Key, Priority, Time)>,
    /// Whether the one in line came when there was none: its time counts from when another one comes.
    is_lone: bool,
    waiting: Vec<(Time, u64, Key, Priority)>,
    /// Keys in workers' hands, with their slots.
    working: Vec<(Key, u32)>,
    asked_while_working: Vec<(Key, Priority)>,
    last: Vec<(Key, Time)>,
    failures: Vec<Key>,
    steps: u64,
    closed: bool,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Model {
    fn join(&mut self, key: Key, priority: Priority, at: Time) {
        if std::mem::replace(&mut self.is_lone, self.line.is_empty()) {
            self.line[0].2 = at;
        }
        self.line.push((key, priority, at));
    }

    fn make_ready(&mut self, key: Key, priority: Priority, at: Time) {
        if self.working.iter().any(|working| working.0 == key) {
            self.asked_while_working.push((key, priority));
        } else {
            self.join(key, priority, at);
        }
    }

    fn add(&mut self, key: Key, delay: u64, priority: Priority, now: Time) {
        if let Some(asked) = self.asked_while_working.iter_mut().find(|asked| asked.0 == key) {
            asked.1 = asked.1.max(priority);
            return;
        }
        if let Some(index) = self.line.iter().position(|place| place.0 == key) {
            if self.line[index].1 < priority {
                self.line.remove(index);
                self.is_lone = false;
                self.join(key, priority, now);
            }
            return;
        }
        let (mut due, mut priority) = (now.after(ms(delay)), priority);
        if let Some(index) = self.waiting.iter().position(|entry| entry.2 == key) {
            let earlier = self.waiting[index];
            if earlier.0 <= due && earlier.3 >= priority {
                return;
            }
            self.waiting.remove(index);
            (due, priority) = (due.min(earlier.0), priority.max(earlier.3));
        }
        if let Some((_, last)) = self.last.iter().rfind(|last| last.0 == key) {
            due = due.max(last.after(ms(self.pace.interval)));
        }
        if due <= now {
            return self.make_ready(key, priority, now);
        }
        self.steps += 1;
        self.waiting.push((due, self.steps, key, priority));
    }

    fn promote(&mut self, now: Time) {
        while let Some(first) = self.waiting.iter().min().copied().filter(|first| first.0 <= now) {
            self.waiting.retain(|entry| *entry != first);
            self.make_ready(first.2, first.3, first.0);
        }
    }

    fn take(&mut self, slot: Option<u32>, now: Time) -> Option<(Key, Priority)> {
        let rank = |place: &(Key, Priority, Time)| {
            let steps = Priority::HIGH.number() - place.1.number();
            (place.2.after(AGEING * u32::try_from(steps / 100).unwrap()), std::cmp::Reverse(place.1))
        };
        let heads = [Priority::HIGH, Priority::NORMAL, Priority::LOW]
            .map(|band| self.line.iter().find(|place| place.1 == band).copied());
        let (key, priority, _) = heads.into_iter().flatten().min_by_key(rank)?;
        self.line.retain(|place| place.0 != key);
        self.is_lone = false;
        self.working.push((key, slot.expect("the model has something to take")));
        self.last.push((key, now));
        Some((key, priority))
    }

    fn done(&mut self, key: Key, now: Time) {
        self.working.retain(|working| working.0 != key);
        if let Some(index) = self.asked_while_working.iter().position(|asked| asked.0 == key) {
            let (key, priority) = self.asked_while_working.remove(index);
            self.join(key, priority, now);
        }
    }

    /// How many keys there is anything to know of.
    fn keys(&self) -> usize {
        let line = self.line.iter().map(|place| place.0);
        let waiting = self.waiting.iter().map(|entry| entry.2);
        let working = self.working.iter().map(|working| working.0);
        line.chain(waiting).chain(working).chain(self.failures.iter().copied()).collect::<BTreeSet<_>>().len()
    }
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::LOW), Just(Priority::NORMAL), Just(Priority::HIGH)]
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = 0_u16..6;
    let delay = prop_oneof![Just(0_u64), 0_u64..60];
    prop_oneof![
        9 => (key.clone(), delay, priority()).prop_map(|(key, delay, p)| Operation::Add(key, delay, p)),
        2 => (key.clone(), 0_u64..60, priority()).prop_map(|(key, delay, p)| Operation::Retry(key, delay, p)),
        1 => (key.clone(), 0_u8..3).prop_map(|(key, failures)| Operation::SetFailures(key, failures)),
        1 => key.prop_map(Operation::Forget),
        6 => Just(Operation::Take),
        5 => any::<usize>().prop_map(Operation::Done),
        4 => (0_u64..40).prop_map(Operation::Advance),
    ]
}

fn run(operations: &[Operation], pace: Pace) {
    let options = WorkQueueOptions {
        ageing: AGEING,
        debounce: ms(pace.debounce),
        minimum_interval: ms(pace.interval),
        ..WorkQueueOptions::named("model")
    };
    let (mut state, mut model) = (State::new(&options), Model { pace, ..Model::default() });
    let mut now = Time::default();
    for operation in operations {
        model.promote(now);
        match *operation {
            Operation::Add(key, delay, priority) => {
                let is_working = model.working.iter().any(|working| working.0 == key);
                let is_held = state.add(key, ms(delay), priority, now);
                assert_eq!(is_held, is_working && !model.closed, "whether a worker holds {key}");
                if !model.closed {
                    model.add(key, if delay == 0 { pace.debounce } else { delay }, priority, now);
                }
            }
            Operation::Retry(key, delay, priority) => {
                let before = model.failures.iter().filter(|failed| **failed == key).count();
                let given = |failures| {
                    assert_eq!(failures, before as u64, "failures of {key}");
                    ms(delay)
                };
                assert_eq!(state.retry(key, given, priority, now), ms(delay));
                model.failures.push(key);
                if !model.closed {
                    model.add(key, delay, priority, now);
                }
            }
            Operation::SetFailures(key, failures) => {
                state.set_failures(key, failures.into());
                model.failures.retain(|failed| *failed != key);
                model.failures.extend((0..failures).map(|_| key));
            }
            Operation::Forget(key) => {
                state.forget(&key);
                model.failures.retain(|failed| *failed != key);
            }
            Operation::Take => {
                let taken = state.take(now);
                let slot = taken.as_ref().map(|taken| taken.slot);
                let taken = taken.map(|taken| (taken.key, taken.priority));
                assert_eq!(taken, model.take(slot, now), "taken at {now:?}");
            }
            Operation::Done(index) => {
                if let Some((key, slot)) = model.working.get(index % model.working.len().max(1)).copied() {
                    assert!(state.done(slot, now).is_some(), "{key} was in a worker's hands");
                    model.done(key, now);
                }
            }
            Operation::Advance(milliseconds) => now = now.after(ms(milliseconds)),
            Operation::Close => {
                state.close(now);
                model.closed = true;
                model.waiting.clear();
            }
        }
        compare(&mut state, &mut model, now);
    }
}

fn compare(state: &mut State<Key>, model: &mut Model, now: Time) {
    model.promote(now);
    assert_eq!(state.len(now), model.line.len(), "length");
    for (priority, depth) in state.line.depths() {
        let stand = model.line.iter().filter(|place| place.1 == priority).count();
        assert_eq!(depth, stand, "depth of {priority:?}");
    }
    assert_eq!(state.next_due(), model.waiting.iter().map(|entry| entry.0).min(), "next due time");
    assert_eq!(state.started().count(), model.working.len(), "keys in workers' hands");
    assert_eq!(state.is_empty(), model.keys() == 0 || model.idle(), "emptiness");
    if model.pace.interval == 0 {
        assert_eq!(state.entries.len(), model.keys(), "keys that are kept");
    }
}

impl Model {
    fn idle(&self) -> bool {
        self.line.is_empty() && self.waiting.is_empty() && self.working.is_empty()
    }
}

proptest! {
    /// Any history gives what the model gives: merging (Q1, Q2, Q8), bands and raising (P1, P2, P5), times
    /// (Q9, P3, P6), failures (Q11), pace (A5); and all invariants hold after each step (P10).
    #[test]
    fn p10_any_history_matches_the_model(
        operations in prop::collection::vec(operation(), 1..120),
        close in prop::option::of(0_usize..120),
        debounce in prop_oneof![Just(0_u64), 1_u64..20],
        interval in prop_oneof![Just(0_u64), 1_u64..50],
    ) {
        let mut operations = operations;
        if let Some(at) = close.filter(|at| *at < operations.len()) {
            operations.insert(at, Operation::Close);
        }
        run(&operations, Pace { debounce, interval });
    }

    /// Under every option at once the invariants hold, and once the intake ends everything that is ready is
    /// served.
    #[test]
    fn p10_any_history_with_flows_and_hot_keys_keeps_the_invariants(
        operations in prop::collection::vec(operation(), 1..150),
        limit in 1_u32..4,
        at_once in 1_usize..3,
    ) {
        let options = WorkQueueOptions {
            ageing: AGEING,
            hot_keys: Some(HotKeys::above(limit).at_once(at_once)),
            flow: Some(std::sync::Arc::new(|key: &Key| Flow::of(&(key % 3)))),
            bucket: Some(Bucket::new(100.0, 2).at_most(ms(40))),
            minimum_interval: ms(3),
            ..WorkQueueOptions::named("model")
        };
        let mut state = State::new(&options);
        let (mut now, mut working) = (Time::default(), Vec::new());
        for operation in operations {
            match operation {
                Operation::Add(key, delay, priority) => {
                    state.add(key, ms(delay), priority, now);
                }
                Operation::SetFailures(key, failures) => state.set_failures(key, failures.into()),
                Operation::Retry(key, delay, priority) => {
                    let delay = state.retry(key, |_| ms(delay.min(40)), priority, now);
                    prop_assert!(delay <= ms(40));
                }
                Operation::Forget(key) => state.forget(&key),
                Operation::Take => working.extend(state.take(now).map(|taken| taken.slot)),
                Operation::Done(_) if working.is_empty() => {}
                Operation::Done(index) => {
                    let slot = working.swap_remove(index % working.len());
                    prop_assert!(state.done(slot, now).is_some());
                }
                Operation::Advance(milliseconds) => now = now.after(ms(milliseconds)),
                Operation::Close => {}
            }
        }
        state.close(now);
        while !state.is_empty() {
            working.extend(state.take(now).map(|taken| taken.slot));
            let slot = working.pop().expect("what is ready can be taken, or is with a worker");
            state.done(slot, now);
        }
    }
}
