//! Every ledger does what a ledger must (D5, D6). Those that need a server are tried where a variable names one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod suite;

use std::time::Duration;

use pilothouse::ledger::{
    HistoryEvent, HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerIdentity, Verb,
};
use pilothouse::{Ledger as _, MemoryLedger, ObjectKey};
use pilothouse_ledger::{OpenError, SqlLedger};
use tempfile::TempDir;
use tokio::time::timeout;

fn memory() -> std::future::Ready<Option<(MemoryLedger, ())>> {
    std::future::ready(Some((MemoryLedger::new(), ())))
}

async fn sqlite() -> Option<(SqlLedger, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqlLedger::sqlite(&folder.path().join("what % is? this#1.sqlite")).await.unwrap();
    Some((ledger, folder))
}

/// The ledger that a variable names; `None` where it is not set.
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[expect(clippy::disallowed_methods, reason = "a test is told by a variable which server it may use")]
async fn server(variable: &str) -> Option<(SqlLedger, ())> {
    let Ok(address) = std::env::var(variable) else {
        println!("skipped: {variable} names no server");
        return None;
    };
    Some((SqlLedger::open(&address).await.unwrap(), ()))
}

#[cfg(feature = "redis")]
#[expect(clippy::disallowed_methods, reason = "a test is told by a variable which server it may use")]
async fn redis() -> Option<(pilothouse_ledger::RedisLedger, ())> {
    let Ok(address) = std::env::var("PILOTHOUSE_TEST_REDIS") else {
        println!("skipped: PILOTHOUSE_TEST_REDIS names no server");
        return None;
    };
    Some((pilothouse_ledger::RedisLedger::open(&address).await.unwrap(), ()))
}

suite::suite!(memory, super::memory());
#[cfg(feature = "sqlite")]
suite::suite!(sqlite, super::sqlite());
#[cfg(feature = "postgres")]
suite::suite!(postgres, super::server("PILOTHOUSE_TEST_POSTGRES"));
#[cfg(feature = "mysql")]
suite::suite!(mysql, super::server("PILOTHOUSE_TEST_MYSQL"));
#[cfg(feature = "redis")]
suite::suite!(redis, super::redis());

#[tokio::test]
async fn d6_two_processes_write_to_one_file_at_once_and_read_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let (one, two) = (SqlLedger::sqlite(&path).await.unwrap(), SqlLedger::sqlite(&path).await.unwrap());
    let command = |number: i64| LedgerCommand {
        id: number.to_string(),
        identity: LedgerIdentity {
            controller: "web".into(),
            key: ObjectKey::new("ns", "a"),
            uid: "u".into(),
        },
        verb: Verb::Drop,
        by: "ann".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let both = async {
        for number in 0..100 {
            let changes = [number, number + 1000].map(|id| [LedgerChange::Ask(command(id))]);
            let (first, second) = tokio::join!(one.write(&changes[0]), two.write(&changes[1]));
            first.and(second).unwrap();
        }
        let (first, second) = (one.commands("web").await.unwrap(), two.commands("web").await.unwrap());
        assert_eq!((first.len(), first == second), (200, true), "both read what both wrote");
    };
    timeout(Duration::from_mins(1), both).await.unwrap();
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_and_a_missing_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let address = format!("sqlite:{}", path.display());
    let error = SqlLedger::open_existing(&address).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    assert!(!path.exists());
    SqlLedger::open(&address).await.unwrap().close().await;
    SqlLedger::open_existing(&address).await.unwrap().close().await;
    let pool = sqlx::AnyPool::connect(&address).await.unwrap();
    sqlx::query("UPDATE pilothouse_schema SET version = 9").execute(&pool).await.unwrap();
    let error = SqlLedger::open(&address).await.unwrap_err();
    assert_eq!(error.reason(), "LedgerSchemaTooNew");
    assert!(error.to_string().contains("use a newer one"), "{error}");
}

#[tokio::test]
async fn d6_the_oldest_lines_of_history_make_room_for_new_ones() {
    let (ledger, _folder) = sqlite().await.unwrap();
    let ledger = ledger.keep_history(3);
    for second in 1..=5 {
        let key = ObjectKey::new("ns", "a");
        let line = HistoryLine {
            identity: LedgerIdentity { controller: "web".into(), key, uid: "u".into() },
            resource: "configmaps/v1".into(),
            at: jiff::Timestamp::new(second, 0).unwrap(),
            event: HistoryEvent::Parked,
            by: "controller".into(),
            reason: "BadValue".into(),
            attempts: 1,
        };
        ledger.write(&[LedgerChange::Note(line)]).await.unwrap();
    }
    let query = HistoryQuery { controller: None, key: None, limit: 100 };
    let seconds: Vec<_> =
        ledger.history(&query).await.unwrap().iter().map(|line| line.at.as_second()).collect();
    assert_eq!(seconds, [5, 4, 3]);
}
