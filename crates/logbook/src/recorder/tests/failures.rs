//! A database that refuses, and commits that are broken off: nothing is lost, nothing is half there.

use std::pin::Pin;
use std::task::{Context, Poll};

use pilothouse::journal::{JournalEvent, JournalSink, Provenance};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::fixtures::{
    JOBS, PODS, batch, commit, contents, entry, life, pod, recorder, recorder_at, running,
};
use crate::recorder::RecorderSink;
use crate::store::{Location, StoreError};

/// Runs statements on the database from outside.
async fn run(location: &Location, statements: &str) {
    let Location::File(path) = location else { panic!("a file") };
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn j6_recording_goes_on_by_itself_after_the_database_undid_a_transaction_of_its_own_accord() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("logbook.sqlite"));
    let recorder = recorder_at(&location).await;
    let (pods, jobs) = life();
    commit(&recorder, &batch(&JOBS, jobs[..1].to_vec())).await;
    // As after a full disk: the transaction is gone before anybody rolls it back.
    run(
        &location,
        "CREATE TRIGGER full BEFORE INSERT ON transition BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END",
    )
    .await;
    let whole = batch(&PODS, pods);
    for _ in 0..2 {
        let refused = recorder.commit(&whole).await.unwrap_err();
        assert!(format!("{:?}", std::error::Error::source(&refused)).contains("disk full"), "{refused:?}");
    }
    let sink = &mut RecorderSink::new(recorder.clone());
    assert_eq!(sink.position(&PODS).await.unwrap(), None, "no position without its rows");
    run(&location, "DROP TRIGGER full").await;
    recorder.commit(&whole).await.unwrap();
    assert_eq!(sink.position(&PODS).await.unwrap(), Some(whole.position.clone()));
    commit(&recorder, &batch(&JOBS, jobs[1..].to_vec())).await;
    let undisturbed = super::fixtures::recorder().await;
    let (pods, jobs) = life();
    for part in [batch(&JOBS, jobs[..1].to_vec()), batch(&PODS, pods), batch(&JOBS, jobs[1..].to_vec())] {
        commit(&undisturbed, &part).await;
    }
    assert_eq!(contents(&recorder).await, contents(&undisturbed).await);
}

/// Runs a future up to the point where it has waited so many times; then drops it.
struct BrokenOff<F> {
    future: F,
    waits: usize,
}

impl<F: Future + Unpin> Future for BrokenOff<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.future).poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits -= 1;
                Poll::Pending
            }
        }
    }
}

#[tokio::test]
async fn j2_a_commit_broken_off_at_any_point_leaves_all_or_nothing_and_can_be_repeated() {
    let (pods, jobs) = life();
    let (pods, jobs) = (batch(&PODS, pods), batch(&JOBS, jobs));
    let calm = recorder().await;
    calm.commit(&pods).await.unwrap();
    calm.commit(&jobs).await.unwrap();
    let expected = contents(&calm).await;
    let mut broken_off = 0;
    for waits in 0.. {
        let recorder = recorder().await;
        recorder.commit(&pods).await.unwrap();
        let future = Box::pin(recorder.commit(&jobs));
        let ended = BrokenOff { future, waits }.await;
        let position = RecorderSink::new(recorder.clone()).position(&JOBS).await.unwrap();
        let whole = contents(&recorder).await == expected;
        let nothing = contents(&recorder).await == "nothing";
        assert_eq!((whole, nothing), (position.is_some(), position.is_none()), "rows and position together");
        recorder.commit(&jobs).await.unwrap();
        assert_eq!(contents(&recorder).await, expected, "after {waits} waits");
        if ended.is_some() {
            break;
        }
        broken_off += 1;
    }
    assert!(broken_off > 0, "every commit ended without waiting once");
}

#[tokio::test]
async fn an_event_reads_no_other_pod_of_its_job_again_until_a_transaction_fails() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("logbook.sqlite"));
    let recorder = recorder_at(&location).await;
    let (_, jobs) = life();
    commit(&recorder, &batch(&JOBS, jobs[..2].to_vec())).await;
    let seen = |version, uid: &str| {
        let mut object = pod(version, "Running", Some("n1"), Some(running()));
        object["metadata"]["uid"] = uid.into();
        batch(&PODS, vec![entry(JournalEvent::Modified, Provenance::Watch, &PODS, &object)])
    };
    commit(&recorder, &seen(15, "one")).await;
    commit(&recorder, &seen(16, "two")).await;
    run(&location, "UPDATE pod SET facts = 'unreadable' WHERE uid = 'one'").await;
    recorder.commit(&seen(17, "two")).await.unwrap();
    run(
        &location,
        "CREATE TRIGGER refuse BEFORE INSERT ON revision BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    recorder.commit(&seen(18, "two")).await.unwrap_err();
    run(&location, "DROP TRIGGER refuse").await;
    let reread = recorder.commit(&seen(18, "two")).await;
    assert!(matches!(reread, Err(StoreError::Facts { .. })), "what a failed transaction saw is forgotten");
}

#[tokio::test]
async fn j2_a_commit_refused_at_any_statement_leaves_nothing_and_succeeds_when_repeated() {
    for table in ["document", "revision", "job", "pod", "transition", "stream"] {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("logbook.sqlite"));
        let recorder = recorder_at(&location).await;
        let (pods, jobs) = life();
        let (pods, jobs) = (batch(&PODS, pods), batch(&JOBS, jobs));
        let (first, second) = if table == "pod" { (&jobs, &pods) } else { (&pods, &jobs) };
        recorder.commit(first).await.unwrap();
        let before = contents(&recorder).await;
        let refuse = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        run(&location, &refuse).await;
        recorder.commit(second).await.unwrap_err();
        assert_eq!(contents(&recorder).await, before, "{table}");
        let position = RecorderSink::new(recorder.clone()).position(&second.resource).await.unwrap();
        assert_eq!(position, None, "{table}");
        run(&location, "DROP TRIGGER refuse").await;
        recorder.commit(second).await.unwrap();
        assert_ne!(contents(&recorder).await, before, "{table}");
    }
}
