//! What is tried again, what is given up, and in which order.

use pilothouse::journal::Provenance;

use super::fixtures::{QUICK, Script, dispatch, record, recorder};
use crate::model::{JobState, NotificationState};
use crate::notify::{Destination, Dispatcher};
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
