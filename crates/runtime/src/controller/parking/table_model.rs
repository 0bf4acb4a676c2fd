//! The table and a ledger under any history of failures, successes and writes that fail or whose answer is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use jiff::Timestamp;
use proptest::prelude::*;
use tokio::time::Instant;

use super::table::{Entry, Table};
use crate::ledger::{Ledger as _, LedgerChange, LedgerIdentity, LedgerRecord, MemoryLedger, Seen, Standing};
use crate::{ObjectKey, Priority};

const AT_MOST: usize = 2;
const CONTROLLER: &str = "model";

#[derive(Clone, Debug)]
enum Operation {
    /// An object, in one of its lives, failed or was given up.
    Fail { key: u8, uid: u8, is_parked: bool },
    /// It succeeded, or was dropped.
    Forget(u8),
    /// A worker has to wait until its failure is written.
    Wait(u8),
    /// A write begins, unless one is under way.
    Begin,
    /// It ends.
    End(Outcome),
    /// The ledger may hold anything.
    Rewrite,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Written,
    NotWritten,
    /// It was written, and the answer says that it was not.
    AnswerLost,
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = 0_u8..5;
    let outcome = prop_oneof![Just(Outcome::Written), Just(Outcome::NotWritten), Just(Outcome::AnswerLost)];
    prop_oneof![
        6 => (key.clone(), 0_u8..2, any::<bool>())
            .prop_map(|(key, uid, is_parked)| Operation::Fail { key, uid, is_parked }),
        3 => key.clone().prop_map(Operation::Forget),
        2 => key.prop_map(Operation::Wait),
        5 => Just(Operation::Begin),
        4 => outcome.prop_map(Operation::End),
        1 => Just(Operation::Rewrite),
    ]
}

fn key(number: u8) -> ObjectKey {
    ObjectKey::new("ns", format!("object-{number}"))
}

fn record(number: u8, uid: u8, is_parked: bool, attempts: u64) -> LedgerRecord {
    let at = Timestamp::UNIX_EPOCH;
    let standing = if is_parked { Standing::Parked { since: at } } else { Standing::Retrying { due: at } };
    LedgerRecord {
        identity: LedgerIdentity {
            controller: CONTROLLER.into(),
            key: key(number),
            uid: uid.to_string().into(),
        },
        resource: "configmaps/v1".into(),
        standing,
        reason: "ReconcileFailed".into(),
        causes: Vec::new(),
        attempts,
        first_failure: at,
        last_failure: at,
        seen: Seen::default(),
        labels: None,
    }
}

/// A table, the ledger it is written to, and the write under way.
struct World {
    table: Table,
    ledger: MemoryLedger,
    writing: Option<Vec<LedgerChange>>,
    now: Instant,
    steps: u64,
}

impl World {
    /// With what an earlier process left: of each object one life, some of which were taken over.
    fn new(left: &BTreeMap<u8, (u8, bool)>) -> Self {
        let (table, ledger) = (Table::new(AT_MOST), MemoryLedger::new());
        let mut world = Self { table, ledger, writing: None, now: Instant::now(), steps: 0 };
        for (number, (uid, is_taken)) in left {
            let record = record(*number, *uid, false, 1);
            world.apply(&[LedgerChange::Put(Arc::new(record.clone()))]);
            if *is_taken && world.table.has_room_to_retry() {
                world.table.restore(record, None, world.now);
            } else {
                world.table.pending.remove(record.identity, world.now);
            }
        }
        world
    }

    fn apply(&self, changes: &[LedgerChange]) {
        self.ledger.write(changes).now_or_never().unwrap().unwrap();
    }

    fn step(&mut self, operation: &Operation) {
        self.steps += 1;
        match *operation {
            Operation::Fail { key: number, uid, is_parked } => {
                let is_parked = is_parked && self.table.has_room_to_park(&key(number));
                let is_kept = self.table.put(record(number, uid, is_parked, self.steps), self.now);
                assert!(is_kept || !is_parked, "D-I4: room was found for a parked object");
            }
            Operation::Forget(number) => {
                self.table.remove(&key(number), self.now);
            }
            Operation::Wait(number) => {
                if let Some(entry) = self.table.get_mut(&key(number)).filter(|entry| !entry.is_written) {
                    entry.waiting = Some(Priority::NORMAL);
                }
            }
            Operation::Begin if self.writing.is_none() => {
                self.writing = self.table.take_batch(&CONTROLLER.into());
            }
            Operation::Begin => {}
            Operation::End(outcome) => self.end(outcome),
            Operation::Rewrite => self.table.pending.rewrite_all(self.now),
        }
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(changes) = self.writing.take() else { return };
        if !matches!(outcome, Outcome::NotWritten) {
            self.apply(&changes);
        }
        if matches!(outcome, Outcome::Written) {
            self.table.written(&changes);
        } else {
            self.table.not_written(changes, self.now);
            assert!(
                self.entries().iter().all(|entry| entry.waiting.is_none()),
                "nobody waits for a ledger that fails"
            );
        }
        let held = self.held();
        for entry in self.entries() {
            assert!(
                !entry.is_written || held.iter().any(|held| *held == *entry.record),
                "{:?} is written",
                entry.record.identity
            );
        }
    }

    fn entries(&self) -> Vec<&Entry> {
        self.table.records().map(|record| self.table.get(&record.identity.key).unwrap()).collect()
    }

    fn held(&self) -> Vec<LedgerRecord> {
        self.ledger.records(None).now_or_never().unwrap().unwrap()
    }

    /// What the ledger holds and what the table does, once everything is written.
    fn settle(mut self) -> (Vec<LedgerRecord>, Vec<LedgerRecord>) {
        self.end(Outcome::Written);
        while let Some(changes) = self.table.take_batch(&CONTROLLER.into()) {
            self.writing = Some(changes);
            self.end(Outcome::Written);
        }
        for entry in self.entries() {
            assert!(
                entry.is_written && entry.waiting.is_none(),
                "nobody waits for {}",
                entry.record.identity.key
            );
        }
        let mut known: Vec<_> = self.table.records().map(|record| LedgerRecord::clone(record)).collect();
        known.sort_by(|one, two| one.identity.cmp(&two.identity));
        (self.held(), known)
    }
}

#[test]
fn d6_what_fails_again_while_its_removal_fails_is_removed_once_it_succeeds() {
    let mut world = World::new(&BTreeMap::from([(0, (1, false))]));
    for operation in [
        Operation::Begin,
        Operation::Fail { key: 0, uid: 1, is_parked: false },
        Operation::End(Outcome::NotWritten),
        Operation::Forget(0),
    ] {
        world.step(&operation);
    }
    assert_eq!(world.settle(), (Vec::new(), Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn d6_once_written_the_ledger_holds_what_the_table_does_whatever_writes_failed_before(
        left in prop::collection::btree_map(0_u8..5, (0_u8..2, any::<bool>()), 0..5),
        operations in prop::collection::vec(operation(), 0..80),
    ) {
        let mut world = World::new(&left);
        for operation in &operations {
            world.step(operation);
        }
        let (held, known) = world.settle();
        prop_assert_eq!(held, known);
    }
}
