//! What was not observed is on record.

use pilothouse::journal::{JournalBatch, JournalEvent, JournalSink, Provenance};
use pilothouse::{ObjectKey, ResourceVersion};
use serde_json::json;

use super::fixtures::{
    JOB_UID, JOBS, batch, commit, entry, gap, job, life, recorder, states, transitions, vanished,
};
use crate::model::{Coverage, JobState, Provenance as Known, RevisionEvent};
use crate::recorder::RecorderSink;

#[tokio::test]
async fn j3_a_restart_finds_the_position_and_the_live_objects_of_the_last_commit() {
    let (_, jobs) = life();
    let recorder = recorder().await;
    let mut sink = RecorderSink::new(recorder.clone());
    assert_eq!(sink.position(&JOBS).await.unwrap(), None);
    commit(&recorder, &batch(&JOBS, jobs[..2].to_vec())).await;
    assert_eq!(sink.position(&JOBS).await.unwrap(), Some(ResourceVersion::from_number(14)));
    let known = sink.known(&JOBS).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].key, &*known[0].uid), (&ObjectKey::new("default", "job-1"), JOB_UID));
    assert_eq!(known[0].resource_version, ResourceVersion::from_number(14));
    commit(&recorder, &batch(&JOBS, jobs[2..].to_vec())).await;
    assert!(sink.known(&JOBS).await.unwrap().is_empty(), "a deleted job is not live");
    let moved = JournalBatch { position: ResourceVersion::from_number(99), ..batch(&JOBS, Vec::new()) };
    commit(&recorder, &moved).await;
    assert_eq!(sink.position(&JOBS).await.unwrap(), Some(ResourceVersion::from_number(99)));
}

#[tokio::test]
async fn j4_a_relist_records_the_gap_what_changed_in_it_and_what_ended_in_it_unseen() {
    let (_, jobs) = life();
    let recorder = recorder().await;
    commit(&recorder, &batch(&JOBS, jobs[..2].to_vec())).await;
    let mut other = job(30, json!({"active": 1}));
    other["metadata"]["name"] = json!("job-2");
    other["metadata"]["uid"] = json!("job-2-uid");
    let found = entry(JournalEvent::Added, Provenance::ListAfterGap, &JOBS, &other);
    let first_page = JournalBatch { position: ResourceVersion::from_number(14), ..batch(&JOBS, vec![found]) };
    let rest = JournalBatch {
        position: ResourceVersion::from_number(40),
        gap: Some(gap(14, 40)),
        ..batch(&JOBS, vec![vanished("job-1", JOB_UID, 14)])
    };
    for batch in [&first_page, &rest, &first_page, &rest] {
        commit(&recorder, batch).await;
    }

    assert_eq!(states(&recorder).await, [JobState::Submitted, JobState::Pending, JobState::Lost]);
    let lost = transitions(&recorder).await.pop().unwrap();
    assert_eq!((lost.provenance, lost.reason.as_deref()), (Known::InferredAbsence, Some("EndedUnobserved")));
    let gaps = recorder.store().gaps(10).await.unwrap();
    assert_eq!(gaps.len(), 1, "the same gap is recorded once");
    assert_eq!((gaps[0].from_version.as_str(), gaps[0].to_version.as_str()), ("14", "40"));
    assert_eq!((gaps[0].cause.as_str(), gaps[0].vanished), ("Expired", 1));
    assert_eq!(lost.gap_id, Some(gaps[0].id));

    let job_1 = recorder.store().job_by_uid(JOB_UID).await.unwrap().unwrap();
    assert_eq!((job_1.coverage, job_1.deleted_at.is_some()), (Coverage::Gap, true));
    let last = recorder.store().revisions(job_1.id).await.unwrap().pop().unwrap();
    assert_eq!((last.event, last.document_length), (RevisionEvent::Vanished, None));
    let job_2 = recorder.store().job_by_uid("job-2-uid").await.unwrap().unwrap();
    assert_eq!(job_2.coverage, Coverage::LeftCensored);
    let first_page_revision = &recorder.store().revisions(job_2.id).await.unwrap()[0];
    assert_eq!(
        first_page_revision.gap_id,
        Some(gaps[0].id),
        "earlier pages of the list belong to the gap too"
    );
}

#[tokio::test]
async fn a_job_whose_deletion_had_begun_is_cancelled_and_not_lost_when_it_is_gone() {
    let recorder = recorder().await;
    let mut leaving = job(11, json!({"active": 1}));
    leaving["metadata"]["deletionTimestamp"] = json!(super::fixtures::second(5).to_string());
    commit(&recorder, &batch(&JOBS, vec![entry(JournalEvent::Added, Provenance::Watch, &JOBS, &leaving)]))
        .await;
    commit(&recorder, &batch(&JOBS, vec![vanished("job-1", JOB_UID, 11)])).await;
    assert_eq!(states(&recorder).await, [JobState::Submitted, JobState::Cancelling, JobState::Cancelled]);
}
