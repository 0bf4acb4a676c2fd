//! The database by itself: opening it, and turning its pages.

use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::{Location, Store, StoreError};
use crate::model::{Cluster, JobFilter, JobState, StateGroup};

/// Adds jobs straight into the table: `(name, second of creation, state)`.
async fn add_jobs(store: &Store, jobs: &[(&str, i64, JobState)]) {
    let mut turn = store.writer().await;
    let mut transaction = turn.begin().await.unwrap();
    let (cluster, _) =
        super::put_cluster(&mut transaction, &"test".into(), jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    for (name, created_at, state) in jobs {
        sqlx::query(
            "INSERT INTO job (cluster_id, uid, kind, namespace, name, state, attempt, resource_version, active, ready,
                 succeeded, failed, created_at, state_since, coverage, last_sequence, facts)
             VALUES ($1, $2, 'batch/v1 Job', 'default', $2, $3, 1, '1', 0, 0, 0, 0, $4, $4, 'full', 0, '{}')",
        )
        .bind(cluster)
        .bind(*name)
        .bind(state.as_str())
        .bind(created_at * 1000)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    transaction.commit(None).await.unwrap();
}

#[tokio::test]
async fn pages_show_every_job_once_newest_first_while_new_ones_come_in() {
    let store = Store::open(&Location::Memory).await.unwrap();
    let old = [
        ("a", 1, JobState::Failed),
        ("b", 2, JobState::Running),
        ("c", 2, JobState::Running),
        ("d", 3, JobState::Lost),
    ];
    add_jobs(&store, &old).await;
    let filter = JobFilter { limit: 2, ..JobFilter::default() };
    let first = store.list_jobs(&filter, None).await.unwrap();
    add_jobs(&store, &[("e", 4, JobState::Submitted)]).await;
    let second = store.list_jobs(&filter, first.next.as_deref()).await.unwrap();
    let names: Vec<_> = first.items.iter().chain(&second.items).map(|job| job.name.as_str()).collect();
    assert_eq!((names, second.next), (vec!["d", "c", "b", "a"], None));

    let running = JobFilter { states: StateGroup::Active.states().collect(), ..JobFilter::default() };
    assert_eq!(store.list_jobs(&running, None).await.unwrap().items.len(), 2);
    let named =
        JobFilter { name: Some("A".into()), namespace: Some("default".into()), ..JobFilter::default() };
    assert_eq!(store.list_jobs(&named, None).await.unwrap().items.len(), 1);
    let elsewhere = JobFilter { namespace: Some("elsewhere".into()), ..JobFilter::default() };
    assert!(store.list_jobs(&elsewhere, None).await.unwrap().items.is_empty());
    let counts = store.counts_by_state(None).await.unwrap();
    assert_eq!((counts[&JobState::Running], counts[&JobState::Queued], counts.len()), (2, 0, 14));
    assert!(matches!(store.list_jobs(&filter, Some("nonsense")).await, Err(StoreError::Cursor(_))));
}

async fn pragma(path: &Path, statement: &'static str) -> i64 {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query_scalar(statement).fetch_optional(&mut connection).await.unwrap().unwrap_or(0)
}

#[tokio::test]
async fn a_file_is_opened_by_one_at_a_time_keeps_what_it_has_and_refuses_a_newer_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logbook.sqlite");
    let location = Location::File(path.clone());
    let store = Store::open(&location).await.unwrap();
    assert!(matches!(Store::open(&location).await, Err(StoreError::InUse { .. })));
    add_jobs(&store, &[("a", 1, JobState::Running)]).await;
    drop(store);
    let store = Store::open(&location).await.unwrap();
    assert_eq!(store.job_by_uid("a").await.unwrap().map(|job| job.state), Some(JobState::Running));
    drop(store);
    pragma(&path, "PRAGMA user_version = 99").await;
    assert!(matches!(Store::open(&location).await, Err(StoreError::NewerSchema { found: 99, .. })));
}

#[tokio::test]
async fn every_commit_reaches_the_disk_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Location::File(folder.path().join("logbook.sqlite"))).await.unwrap();
    let mut turn = store.writer().await;
    let mut transaction = turn.begin().await.unwrap();
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *transaction).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *transaction).await.unwrap();
    let foreign_keys: i64 =
        sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *transaction).await.unwrap();
    assert_eq!((synchronous, journal.as_str(), foreign_keys), (2, "wal", 1));
}

#[tokio::test]
async fn a_file_of_the_first_schema_keeps_its_rows_and_names_its_cluster_by_the_beginning_of_the_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logbook.sqlite");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    for script in [
        include_str!("schema_1.sql"),
        "PRAGMA user_version = 1;
         INSERT INTO cluster (id, name, added_at) VALUES (7, '4d2f9c1e-0000', 5);
         INSERT INTO stream VALUES (7, 'jobs.batch/v1', '41', 6);
         INSERT INTO job (cluster_id, uid, kind, namespace, name, state, attempt, resource_version, active, ready,
             succeeded, failed, created_at, state_since, coverage, last_sequence, facts)
         VALUES (7, 'a', 'batch/v1 Job', 'default', 'a', 'Running', 1, '1', 0, 0, 0, 0, 4, 4, 'full', 0, '{}');",
    ] {
        sqlx::raw_sql(script).execute(&mut old).await.unwrap();
    }
    drop(old);

    let store = Store::open(&Location::File(path.clone())).await.unwrap();
    let job = store.job_by_uid("a").await.unwrap().unwrap();
    assert_eq!((job.state, job.cluster.as_str()), (JobState::Running, "4d2f9c1e"));
    assert_eq!(store.streams().await.unwrap()[0].resource_version, "41");
    let mut turn = store.writer().await;
    let mut transaction = turn.begin().await.unwrap();
    let named = Cluster { name: Some("prod".into()), ..Cluster::from("4d2f9c1e-0000") };
    for (cluster, name) in [
        (Cluster::from("4d2f9c1e-0000"), "4d2f9c1e"),
        (named, "prod"),
        (Cluster::from("4d2f9c1e-0000"), "prod"),
    ] {
        let known =
            super::put_cluster(&mut transaction, &cluster, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(known, (7, name.to_owned()), "found by its identity");
    }
    transaction.commit(None).await.unwrap();
    drop(turn);
    drop(store);
    assert_eq!(pragma(&path, "PRAGMA user_version").await, 2);
    assert_eq!(pragma(&path, "SELECT count(*) FROM pragma_foreign_key_check").await, 0);
}
