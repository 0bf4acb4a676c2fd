//! What is tried again, what is given up, and in which order.

use pilothouse::journal::Provenance;

use super::fixtures::{QUICK, Script, dispatch, record, recorder};
use crate::model::{JobState, NotificationRow, NotificationState};
use crate::notify::{Destination, Dispatcher};
use crate::recorder::Recorder;
use pilothouse::Shutdown;

fn hook(name: &str) -> Destination {
    Destination::webhook("https://hooks.example.com/token-in-path", None).unwrap().named(name)
}

#[tokio::test]
async fn a_failed_try_is_repeated_under_the_same_id_until_it_is_accepted() {
    let destinations = [hook("team")];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 1, None), ("a", 2, Some("Failed"))], Provenance::Watch).await;
    let script = Script::of(&[503, 0, 429]);
    let rows = dispatch(&recorder, &destinations, script.clone(), "a-uid").await;
    assert_eq!(rows.len(), 1, "only the end is told of");
    assert_eq!((rows[0].state, rows[0].attempts, rows[0].last_code), (NotificationState::Sent, 4, Some(204)));
    let ids = script.ids();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| *id == rows[0].message_id));
    let tries = recorder.store().deliveries(rows[0].id).await.unwrap();
    let codes: Vec<_> = tries.iter().map(|delivery| (delivery.attempt, delivery.code)).collect();
    assert_eq!(codes, [(1, Some(503)), (2, None), (3, Some(429)), (4, Some(204))]);
    assert!(tries[1].error.as_deref().unwrap().contains("connection refused"));
}

#[tokio::test]
async fn a_refusal_for_good_and_the_last_of_all_tries_end_as_dead() {
    let destinations = [hook("team")];
    for (codes, tries) in [(vec![404], 1), (vec![410], 1), (vec![500; 9], i64::from(QUICK.tries))] {
        let recorder = recorder(&destinations).await;
        record(&recorder, &[("a", 2, Some("Complete"))], Provenance::Watch).await;
        let rows = dispatch(&recorder, &destinations, Script::of(&codes), "a-uid").await;
        assert_eq!((rows[0].state, rows[0].attempts), (NotificationState::Dead, tries), "{codes:?}");
        assert_eq!(rows[0].last_code, Some(i64::from(codes[0])));
        assert!(rows[0].finished_at.is_some());
    }
}

#[tokio::test]
async fn messages_of_one_job_keep_their_order_while_other_jobs_overtake_a_failing_one() {
    let everything = hook("team").on([JobState::Submitted, JobState::Cancelling, JobState::Failed]);
    let destinations = [everything];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 1, None), ("a", 2, Some("Failed")), ("b", 3, None)], Provenance::Watch).await;
    let script = Script::of(&[500]);
    let rows = dispatch(&recorder, &destinations, script.clone(), "a-uid").await;
    let (first, second) = (&rows[0].message_id, &rows[1].message_id);
    let ids = script.ids();
    let at = |id: &String| ids.iter().rposition(|other| other == id).unwrap();
    assert!(at(first) < at(second), "the second message waited for the first, failed one");
    let of_b = ids.iter().position(|id| id != first && id != second).unwrap();
    assert!(of_b < at(second), "the other job did not wait");
}

#[tokio::test]
async fn a_dead_destination_delays_no_other() {
    let destinations = [hook("dead"), hook("alive")];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 2, Some("Complete"))], Provenance::Watch).await;
    let rows = dispatch(&recorder, &destinations, OneDead, "a-uid").await;
    let outcome =
        |name: &str| rows.iter().find(|row| row.destination == name).map(|row| (row.state, row.attempts));
    assert_eq!(outcome("alive"), Some((NotificationState::Sent, 1)));
    assert_eq!(outcome("dead"), Some((NotificationState::Dead, i64::from(QUICK.tries))));
}

struct OneDead;

impl crate::notify::Sender for OneDead {
    async fn send(
        &self,
        destination: &Destination,
        _: &crate::notify::Message,
    ) -> Result<u16, crate::notify::SendError> {
        match destination.name() {
            "dead" => Err(crate::notify::SendError::Refused { code: 502, retry_after: None }),
            _ => Ok(200),
        }
    }
}

#[tokio::test]
async fn what_was_queued_before_a_restart_goes_out_after_it_and_only_once_when_recorded_again() {
    let destinations = [hook("team")];
    let recorder = recorder(&destinations).await;
    let versions = [("a", 1, None), ("a", 2, Some("Complete"))];
    for _ in 0..2 {
        record(&recorder, &versions, Provenance::Watch).await;
    }
    let stopped = Shutdown::new();
    stopped.request();
    Dispatcher::new(&recorder, destinations.to_vec(), Script::default(), QUICK).run(stopped).await;
    let script = Script::default();
    let rows = dispatch(&recorder, &destinations, script.clone(), "a-uid").await;
    assert_eq!((rows.len(), script.ids()), (1, vec![rows[0].message_id.clone()]));
}

#[tokio::test]
async fn what_the_first_list_shows_is_no_news() {
    let destinations = [hook("team")];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("old", 1, Some("Complete"))], Provenance::InitialList).await;
    assert!(dispatch(&recorder, &destinations, Script::default(), "old-uid").await.is_empty());
}

#[test]
fn z3_a_destination_shows_neither_its_path_nor_its_secret() {
    let secret = crate::notify::SigningSecret::parse("hunter2");
    let destination =
        Destination::webhook("https://hooks.example.com/token-in-path?key=s3cret", Some(secret)).unwrap();
    let printed = format!("{destination:?}");
    assert!(printed.contains("hooks.example.com"));
    assert!(
        !printed.contains("token-in-path") && !printed.contains("s3cret") && !printed.contains("hunter2")
    );
    assert!(Destination::webhook("ftp://example.com", None).is_err());
    assert!(Destination::webhook("/hook", None).is_err());
}

#[tokio::test]
async fn a_destination_that_is_gone_is_disabled_and_what_waits_for_it_is_given_up_with_the_reason() {
    let destinations = [hook("gone")];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 2, Some("Complete")), ("b", 3, Some("Failed"))], Provenance::Watch).await;
    let script = Script::of(&[410]);
    let shutdown = Shutdown::new();
    let dispatcher = Dispatcher::new(&recorder, destinations.to_vec(), script.clone(), QUICK);
    let running = recorder.environment().spawn("dispatcher", dispatcher.run(shutdown.clone()));
    let first = settled(&recorder, "a-uid").await;
    assert_eq!((first.state, first.last_code), (NotificationState::Dead, Some(410)));
    let second = settled(&recorder, "b-uid").await;
    record(&recorder, &[("c", 4, Some("Complete"))], Provenance::Watch).await;
    for row in [second, settled(&recorder, "c-uid").await] {
        assert_eq!((row.state, row.attempts), (NotificationState::Dead, 0));
        assert!(row.last_error.unwrap().contains("answered 410"));
    }
    assert_eq!(script.ids().len(), 1, "nothing is sent to it any more");
    let disabled =
        "SELECT count(*) FROM destination WHERE disabled_at IS NOT NULL AND last_error LIKE '%410%'";
    assert_eq!(number(&recorder, disabled).await, 1);
    shutdown.request();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_cannot_be_written_down_is_not_sent_again_meanwhile() {
    let destinations = [hook("team")];
    let recorder = recorder(&destinations).await;
    record(&recorder, &[("a", 2, Some("Complete"))], Provenance::Watch).await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    number(&recorder, full).await;
    let script = Script::default();
    let shutdown = Shutdown::new();
    let dispatcher = Dispatcher::new(&recorder, destinations.to_vec(), script.clone(), QUICK);
    let running = recorder.environment().spawn("dispatcher", dispatcher.run(shutdown.clone()));
    for _ in 0..8 {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        drop(recorder.store().writer().await);
    }
    number(&recorder, "DROP TRIGGER full").await;
    let row = settled(&recorder, "a-uid").await;
    assert_eq!((row.state, script.ids().len()), (NotificationState::Sent, 1));
    shutdown.request();
    running.await.unwrap();
}

/// The one notification of a job, once it is sent or given up.
async fn settled(recorder: &Recorder, job_uid: &str) -> NotificationRow {
    let mut commits = recorder.store().subscribe();
    let job = recorder.store().job_by_uid(job_uid).await.unwrap().unwrap();
    loop {
        let row = recorder.store().notifications(job.id).await.unwrap().remove(0);
        if row.state != NotificationState::Pending {
            return row;
        }
        commits.changed().await.unwrap();
    }
}

/// Runs a statement and gives the number it answers, if any.
async fn number(recorder: &Recorder, statement: &'static str) -> i64 {
    let mut turn = recorder.store().writer().await;
    let mut transaction = turn.begin().await.unwrap();
    let number = sqlx::query_scalar(statement).fetch_optional(&mut *transaction).await.unwrap();
    transaction.commit(None).await.unwrap();
    number.unwrap_or(0)
}
