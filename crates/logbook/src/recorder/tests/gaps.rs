//! What was not observed is on record.

use pilothouse::journal::{JournalBatch, JournalEvent, JournalGap, JournalSink, Provenance};
use pilothouse::{ObjectKey, ResourceVersion};
use serde_json::json;

use super::fixtures::{
    JOB_UID, JOBS, PODS, batch, commit, entry, gap, job, life, recorder, states, transitions, vanished,
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
    assert_eq!((&known[0].key, &known[0].uid), (&ObjectKey::new("default", "job-1"), &JOB_UID.into()));
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

#[tokio::test]
async fn j4_a_gap_after_a_restart_began_with_the_last_commit_before_it_however_long_the_list_is() {
    let recorder = recorder().await;
    let (_, jobs) = life();
    commit(&recorder, &batch(&JOBS, jobs[..2].to_vec())).await;
    let before = recorder.store().streams().await.unwrap()[0].updated_at;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let mut other = job(30, json!({}));
    other["metadata"]["uid"] = json!("job-2-uid");
    let found = entry(JournalEvent::Added, Provenance::ListAfterGap, &JOBS, &other);
    let position = ResourceVersion::from_number(14);
    commit(&recorder, &JournalBatch { position, ..batch(&JOBS, vec![found]) }).await;
    let position = ResourceVersion::from_number(40);
    let gap = Some(gap(14, 40));
    commit(&recorder, &JournalBatch { position, gap, ..batch(&JOBS, Vec::new()) }).await;
    assert_eq!(recorder.store().gaps(1).await.unwrap()[0].from_at, before);
}

#[tokio::test]
async fn j4_a_gap_counts_what_the_logbook_keeps_and_not_the_pods_of_others() {
    let recorder = recorder().await;
    let listed = |version, uid: &str, owner: &str| {
        let mut object = super::fixtures::pod(version, "Pending", None, None);
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["ownerReferences"][0]["kind"] = json!(owner);
        entry(JournalEvent::Added, Provenance::ListAfterGap, &PODS, &object)
    };
    let found =
        vec![listed(20, "ours", "Job"), listed(21, "theirs", "ReplicaSet"), listed(22, "other", "Node")];
    let counted = JournalGap { changed: 0, vanished: 0, new: 3, ..gap(14, 40) };
    let closing = JournalBatch {
        position: ResourceVersion::from_number(40),
        gap: Some(counted),
        ..batch(&PODS, found)
    };
    for _ in 0..2 {
        commit(&recorder, &closing).await;
        let gap = recorder.store().gaps(1).await.unwrap().remove(0);
        assert_eq!((gap.changed, gap.vanished, gap.new), (0, 0, 1));
    }
}
