//! Jobs and pods come on two streams, in any order against each other.

use pilothouse::journal::{JournalEvent, JournalSink, Provenance};
use serde_json::json;

use super::fixtures::{
    JOB_UID, JOBS, PODS, batch, commit, ended, entry, failed, job, life, pod, recorder, running, second,
    states, transitions,
};
use crate::model::{CHANNEL_ANNOTATION, Coverage, JobState, Provenance as Known};
use crate::recorder::RecorderSink;

use JobState::{Failed, Pending, Running, Starting, Submitted, Succeeded};

#[tokio::test]
async fn pods_that_come_before_their_job_wait_for_it_and_their_revisions_join_it() {
    let (pods, jobs) = life();
    let recorder = recorder().await;
    commit(&recorder, &batch(&PODS, pods)).await;
    assert!(recorder.store().list_jobs(&Default::default(), None).await.unwrap().items.is_empty());
    commit(&recorder, &batch(&JOBS, jobs)).await;
    assert_eq!(states(&recorder).await, [Submitted, Pending, Starting, Running, Succeeded]);
    let job = recorder.store().list_jobs(&Default::default(), None).await.unwrap().items.remove(0);
    assert_eq!(recorder.store().revisions(job.id).await.unwrap().len(), 9);
    assert_eq!(recorder.store().pods(job.id).await.unwrap().len(), 1);
    assert_eq!(
        (job.coverage, job.started_at, job.ended_at),
        (Coverage::Full, Some(second(3)), Some(second(9)))
    );
}

#[tokio::test]
async fn what_was_passed_unseen_is_inserted_with_the_times_the_pod_remembers() {
    let recorder = recorder().await;
    let listed = |resource, object| entry(JournalEvent::Added, Provenance::InitialList, resource, &object);
    commit(&recorder, &batch(&PODS, vec![listed(&PODS, pod(15, "Running", Some("n1"), Some(running())))]))
        .await;
    commit(&recorder, &batch(&JOBS, vec![listed(&JOBS, job(14, json!({"active": 1})))])).await;
    let seen: Vec<_> = transitions(&recorder).await;
    let told: Vec<_> = seen.iter().map(|t| (t.to, t.provenance, t.effective_at)).collect();
    assert_eq!(
        told,
        [
            (Submitted, Known::InferredStatus, second(0)),
            (Pending, Known::InferredStatus, second(1)),
            (Starting, Known::InferredStatus, second(2)),
            (Running, Known::InitialList, second(3)),
        ]
    );
    assert_eq!(seen[1].effective_source, "pod.metadata.creationTimestamp");
    let job = recorder.store().job_by_id(seen[0].job_id).await.unwrap().unwrap();
    assert_eq!(job.coverage, Coverage::LeftCensored);
}

#[tokio::test]
async fn an_end_waits_for_the_pod_that_ended_on_the_other_stream() {
    let recorder = recorder().await;
    let seen = |event, resource, object| entry(event, Provenance::Watch, resource, &object);
    let begin = job(11, json!({"active": 1, "startTime": second(1).to_string()}));
    commit(&recorder, &batch(&JOBS, vec![seen(JournalEvent::Added, &JOBS, begin)])).await;
    let mut jobs = RecorderSink::new(recorder.clone());
    let end = batch(&JOBS, vec![seen(JournalEvent::Modified, &JOBS, failed(17))]);
    let pods =
        batch(&PODS, vec![seen(JournalEvent::Added, &PODS, pod(16, "Failed", Some("n1"), Some(ended(3))))]);
    let (job_end, ()) = tokio::join!(jobs.commit(end), commit(&recorder, &pods));
    job_end.unwrap();
    assert_eq!(states(&recorder).await, [Submitted, Pending, Starting, Running, Failed]);
    let last = transitions(&recorder).await.pop().unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (Some(3), Some("BackoffLimitExceeded")));
}

#[tokio::test]
async fn late_pods_enrich_an_ended_job_and_never_move_it() {
    let recorder = recorder().await;
    let seen = |event, resource, object| entry(event, Provenance::Resume, resource, &object);
    commit(&recorder, &batch(&JOBS, vec![seen(JournalEvent::Added, &JOBS, failed(17))])).await;
    commit(
        &recorder,
        &batch(&PODS, vec![seen(JournalEvent::Added, &PODS, pod(16, "Failed", Some("n1"), Some(ended(3))))]),
    )
    .await;
    assert_eq!(states(&recorder).await, [Submitted, Failed]);
    let job = recorder.store().list_jobs(&Default::default(), None).await.unwrap().items.remove(0);
    assert_eq!((job.exit_code, transitions(&recorder).await[1].exit_code), (Some(3), Some(3)));
}

#[tokio::test]
async fn a_jobs_channel_is_its_annotation_or_else_the_tool_that_wrote_its_first_version() {
    let by = |version: u64, managers: &[(&str, i64)], annotation: Option<&str>| {
        let mut job = job(version, json!({}));
        let fields = |(name, at): &(&str, i64)| json!({"manager": name, "time": second(*at).to_string()});
        job["metadata"]["managedFields"] = managers.iter().map(fields).collect();
        if let Some(channel) = annotation {
            job["metadata"]["annotations"][CHANNEL_ANNOTATION] = json!(channel);
        }
        entry(JournalEvent::Modified, Provenance::Watch, &JOBS, &job)
    };
    let recorder = recorder().await;
    let channel_after = async |entry| {
        commit(&recorder, &batch(&JOBS, vec![entry])).await;
        recorder.store().job_by_uid(JOB_UID).await.unwrap().unwrap().channel
    };
    assert_eq!(channel_after(by(11, &[], None)).await, None);
    let created = by(12, &[("kube-controller-manager", 5), ("kubectl-create", 0)], None);
    assert_eq!(channel_after(created).await.as_deref(), Some("kubectl-create"));
    let later = by(13, &[("kube-controller-manager", 5), ("kubectl-create", 9)], None);
    assert_eq!(channel_after(later).await.as_deref(), Some("kubectl-create"), "the first version tells");
    let annotated = by(14, &[("kubectl-create", 0)], Some("portal"));
    assert_eq!(channel_after(annotated).await.as_deref(), Some("portal"));
}

#[tokio::test]
async fn pods_of_others_are_not_recorded_and_older_versions_change_nothing() {
    let recorder = recorder().await;
    let mut stranger = pod(12, "Running", Some("n1"), Some(running()));
    stranger["metadata"]["ownerReferences"][0]["kind"] = json!("ReplicaSet");
    commit(&recorder, &batch(&PODS, vec![entry(JournalEvent::Added, Provenance::Watch, &PODS, &stranger)]))
        .await;
    let known = RecorderSink::new(recorder.clone()).known(&PODS).await.unwrap();
    assert!(known.is_empty());

    let (_, jobs) = life();
    commit(&recorder, &batch(&JOBS, jobs[..2].to_vec())).await;
    let stale = entry(JournalEvent::Modified, Provenance::Watch, &JOBS, &failed(9));
    commit(&recorder, &batch(&JOBS, vec![stale])).await;
    assert_eq!(states(&recorder).await, [Submitted, Pending]);
    let job = recorder.store().list_jobs(&Default::default(), None).await.unwrap().items.remove(0);
    assert_eq!(
        (job.resource_version.as_str(), recorder.store().revisions(job.id).await.unwrap().len()),
        ("14", 3)
    );
}
