//! What every ledger must do, as tests of one ledger each.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pilothouse::ledger::{
    HistoryEvent, HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerIdentity, LedgerRecord, Seen,
    Standing, Verb,
};
use pilothouse::{Environment, Ledger, ObjectKey};

/// A ledger, and controller names that nobody else uses in it.
pub(crate) struct Subject {
    pub(crate) ledger: Arc<dyn Ledger>,
    run: String,
}

impl Subject {
    pub(crate) fn new(ledger: impl Ledger) -> Self {
        Self { ledger: Arc::new(ledger), run: Environment::real().random_uuid() }
    }

    fn controller(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    fn identity(&self, controller: &str, name: &str, uid: &str) -> LedgerIdentity {
        let controller = self.controller(controller).into();
        LedgerIdentity { controller, key: ObjectKey::new("ns", name), uid: uid.into() }
    }

    fn record(&self, controller: &str, name: &str, attempts: u64) -> LedgerRecord {
        LedgerRecord {
            identity: self.identity(controller, name, "uid"),
            resource: "deployments.apps/v1".into(),
            standing: Standing::Parked { since: at(9) },
            reason: "BadValue".into(),
            causes: vec!["cannot reconcile: BadValue".into(), "ärger mit 'quotes' \"and\" \\ 雪 $1 ?".into()],
            attempts,
            first_failure: at(1),
            last_failure: at(9),
            seen: Seen { resource_version: "12".into(), generation: 3 },
            labels: Some(BTreeMap::from([("app".into(), "web".into())])),
        }
    }

    fn put(&self, controller: &str, name: &str, attempts: u64) -> LedgerChange {
        LedgerChange::Put(Arc::new(self.record(controller, name, attempts)))
    }

    fn line(&self, name: &str, event: HistoryEvent, second: i64) -> LedgerChange {
        LedgerChange::Note(HistoryLine {
            identity: self.identity("one", name, "uid"),
            resource: "deployments.apps/v1".into(),
            at: at(second),
            event,
            by: "ann".into(),
            reason: "BadValue".into(),
            attempts: 3,
        })
    }

    fn command(&self, id: &str, controller: &str, second: i64) -> LedgerCommand {
        LedgerCommand {
            id: format!("{id}-{}", &self.run[..18]),
            identity: self.identity(controller, "a", "uid"),
            verb: Verb::Replay,
            by: "ann".into(),
            at: at(second),
        }
    }

    async fn write(&self, changes: &[LedgerChange]) {
        self.ledger.write(changes).await.unwrap();
    }

    async fn names(&self, controller: &str) -> Vec<(String, u64)> {
        let records = self.ledger.records(Some(&self.controller(controller))).await.unwrap();
        records.iter().map(|record| (record.identity.key.name.to_string(), record.attempts)).collect()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::new(second, 123_456_789)
}

pub(crate) async fn a_record_reads_back_as_it_was_written_and_a_later_one_replaces_it(subject: Subject) {
    let record = subject.record("one", "a", 3);
    subject.write(&[LedgerChange::Put(Arc::new(record.clone()))]).await;
    let controller = subject.controller("one");
    assert_eq!(subject.ledger.records(Some(&controller)).await.unwrap(), vec![record.clone()]);
    let later = LedgerRecord {
        standing: Standing::Retrying { due: at(20) },
        attempts: 4,
        labels: None,
        reason: "Conflict".into(),
        ..record.clone()
    };
    subject.write(&[LedgerChange::Put(Arc::new(later.clone()))]).await;
    assert_eq!(subject.ledger.records(Some(&controller)).await.unwrap(), vec![later.clone()]);
    let all = subject.ledger.records(None).await.unwrap();
    assert!(all.contains(&later) && !all.contains(&record));
}

pub(crate) async fn changes_are_made_in_their_order(subject: Subject) {
    let (a, b) = (subject.identity("one", "a", "uid"), subject.identity("one", "b", "uid"));
    subject
        .write(&[
            subject.put("one", "a", 1),
            subject.put("one", "a", 2),
            LedgerChange::Remove(b.clone()),
            subject.put("one", "b", 1),
            subject.put("one", "c", 1),
            LedgerChange::Remove(a.clone()),
            LedgerChange::Remove(a.clone()),
            subject.put("one", "a", 7),
            subject.put("one", "b", 9),
        ])
        .await;
    assert_eq!(subject.names("one").await, [("a".into(), 7), ("b".into(), 9), ("c".into(), 1)]);
    subject.write(&[LedgerChange::Remove(a), LedgerChange::Remove(b)]).await;
    assert_eq!(subject.names("one").await, [("c".into(), 1)]);
}

pub(crate) async fn lives_and_controllers_are_kept_apart_and_one_is_cleared_alone(subject: Subject) {
    let record = subject.record("one", "a", 1);
    let other_life =
        LedgerRecord { identity: subject.identity("one", "a", "other"), attempts: 2, ..record.clone() };
    let changes = [record, other_life].map(|record| LedgerChange::Put(Arc::new(record)));
    subject.write(&changes).await;
    subject.write(&[subject.put("two", "a", 5)]).await;
    assert_eq!(subject.names("one").await, [("a".into(), 2), ("a".into(), 1)], "by uid: other, uid");
    subject.write(&[LedgerChange::Remove(subject.identity("one", "a", "uid"))]).await;
    assert_eq!(subject.names("one").await, [("a".into(), 2)]);
    let controller = subject.controller("one").into();
    subject.write(&[LedgerChange::Clear { controller }, subject.put("one", "b", 8)]).await;
    assert_eq!(subject.names("one").await, [("b".into(), 8)]);
    assert_eq!(subject.names("two").await, [("a".into(), 5)]);
}

pub(crate) async fn thousands_of_changes_are_one_write_and_come_back_in_order(subject: Subject) {
    let name = |number: u64| format!("object-{number:05}");
    let changes: Vec<_> = (0..2500).rev().map(|number| subject.put("one", &name(number), number)).collect();
    subject.write(&changes).await;
    let expected: Vec<_> = (0..2500).map(|number| (name(number), number)).collect();
    assert_eq!(subject.names("one").await, expected);
    let identity = |number: u64| subject.identity("one", &name(number), "uid");
    let removals: Vec<_> = (0..2500).filter(|number| number % 10 != 0).map(identity).collect();
    subject.write(&removals.into_iter().map(LedgerChange::Remove).collect::<Vec<_>>()).await;
    let expected: Vec<_> = expected.into_iter().step_by(10).collect();
    assert_eq!(subject.names("one").await, expected);
}

pub(crate) async fn history_is_newest_first_by_controller_and_object_up_to_a_limit(subject: Subject) {
    use HistoryEvent::{Dropped, Left, Parked, Replayed};
    let lines = [("a", Parked, 1), ("b", Parked, 2), ("a", Replayed, 3), ("a", Left, 3), ("b", Dropped, 4)];
    let lines = lines.map(|(name, event, second)| subject.line(name, event, second));
    subject.write(&lines[..2]).await;
    subject.write(&lines[2..]).await;
    let ask = async |key: Option<&str>, limit| {
        let controller = Some(subject.controller("one"));
        let key = key.map(|name| ObjectKey::new("ns", name));
        subject.ledger.history(&HistoryQuery { controller, key, limit }).await.unwrap()
    };
    let events: Vec<_> = ask(None, 100).await.iter().map(|line| line.event).collect();
    assert_eq!(events, [Dropped, Left, Replayed, Parked, Parked]);
    let events: Vec<_> = ask(Some("a"), 2).await.iter().map(|line| line.event).collect();
    assert_eq!(events, [Left, Replayed]);
    let expected = match &lines[4] {
        LedgerChange::Note(line) => line.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(Some("b"), 1).await, [expected]);
}

pub(crate) async fn commands_wait_in_order_until_they_are_done(subject: Subject) {
    let (late, early) = (subject.command("1", "one", 5), subject.command("2", "one", 4));
    let other = subject.command("3", "two", 1);
    let asks = [&late, &early, &other, &late].map(|command| LedgerChange::Ask(command.clone()));
    subject.write(&asks).await;
    let waiting =
        async |controller: &str| subject.ledger.commands(&subject.controller(controller)).await.unwrap();
    assert_eq!(waiting("one").await, [early.clone(), late.clone()]);
    subject.write(&[LedgerChange::Done { id: early.id }]).await;
    assert_eq!((waiting("one").await, waiting("two").await), (vec![late], vec![other]));
}

/// The tests of one ledger; `$open` gives it, or `None` where there is none.
macro_rules! suite {
    ($module:ident, $open:expr) => {
        mod $module {
            $crate::suite::suite!(@tests $open,
                a_record_reads_back_as_it_was_written_and_a_later_one_replaces_it,
                changes_are_made_in_their_order,
                lives_and_controllers_are_kept_apart_and_one_is_cleared_alone,
                thousands_of_changes_are_one_write_and_come_back_in_order,
                history_is_newest_first_by_controller_and_object_up_to_a_limit,
                commands_wait_in_order_until_they_are_done,
            );
        }
    };
    (@tests $open:expr, $($test:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                let Some((ledger, _kept)) = $open.await else { return };
                $crate::suite::$test($crate::suite::Subject::new(ledger)).await;
            }
        )*
    };
}
pub(crate) use suite;
