//! A recorder in memory, and the batches of a small cluster written by hand.

#![expect(clippy::needless_pass_by_value, reason = "objects are written where they are used")]

use std::sync::Arc;

use jiff::Timestamp;
use pilothouse::journal::{
    GapCause, JournalBatch, JournalEntry, JournalEvent, JournalGap, JournalSink, Provenance,
};
use pilothouse::{CachedObject, Metrics, ObjectKey, ResourceType, ResourceVersion};
use pilothouse_machinery::Environment;
use serde_json::{Value, json};

use crate::metrics::LogbookMetrics;
use crate::model::{JobState, Transition};
use crate::recorder::{Recorder, RecorderSink};
use crate::store::{Location, Store};

pub(super) static JOBS: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");
pub(super) static PODS: ResourceType = ResourceType::namespaced("", "v1", "pods", "Pod");
pub(super) const JOB_UID: &str = "job-1-uid";
pub(super) const POD_UID: &str = "pod-1-uid";

pub(super) fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) async fn recorder_at(location: &Location) -> Recorder {
    let store = Store::open(location).await.unwrap();
    let metrics = LogbookMetrics::new(&Metrics::new());
    Recorder::open(store, "test", &[], Environment::seeded(1), metrics).await.unwrap()
}

pub(super) async fn recorder() -> Recorder {
    recorder_at(&Location::Memory).await
}

pub(super) async fn commit(recorder: &Recorder, batch: &JournalBatch) {
    RecorderSink::new(recorder.clone()).commit(batch.clone()).await.unwrap();
}

/// One entry: an object that happened at a version.
pub(super) fn entry(
    event: JournalEvent,
    provenance: Provenance,
    resource: &ResourceType,
    object: &Value,
) -> JournalEntry {
    let object = CachedObject::from_value(object, resource).unwrap();
    JournalEntry {
        event,
        key: object.key().clone(),
        uid: object.uid().clone(),
        resource_version: object.resource_version().clone(),
        object: Some(Arc::new(object)),
        provenance,
        observed_at: second(50),
    }
}

pub(super) fn vanished(name: &str, uid: &str, version: u64) -> JournalEntry {
    JournalEntry {
        event: JournalEvent::Vanished,
        key: ObjectKey::new("default", name),
        uid: uid.into(),
        resource_version: version.into(),
        object: None,
        provenance: Provenance::InferredAbsence,
        observed_at: second(60),
    }
}

pub(super) fn batch(resource: &ResourceType, entries: Vec<JournalEntry>) -> JournalBatch {
    let version = |entry: &JournalEntry| entry.resource_version.number().unwrap_or(0);
    let position = ResourceVersion::from_number(entries.iter().map(version).max().unwrap_or(0));
    JournalBatch { resource: resource.clone(), entries, position, gap: None }
}

pub(super) fn gap(from: u64, to: u64) -> JournalGap {
    JournalGap {
        from: from.into(),
        to: to.into(),
        from_at: None,
        to_at: second(60),
        cause: GapCause::Expired,
        changed: 1,
        vanished: 1,
        new: 1,
    }
}

pub(super) fn job(version: u64, status: Value) -> Value {
    json!({
        "metadata": {"namespace": "default", "name": "job-1", "uid": JOB_UID,
            "resourceVersion": version.to_string(), "creationTimestamp": second(0).to_string(),
            "annotations": {"logbook.pilothouse.dev/submitted-by": "ada"}},
        "spec": {"parallelism": 1, "completions": 1},
        "status": status,
    })
}

pub(super) fn complete(version: u64) -> Value {
    let condition = json!({"type": "Complete", "status": "True", "reason": "CompletionsReached",
        "lastTransitionTime": second(9).to_string()});
    let status = json!({"succeeded": 1, "completionTime": second(9).to_string(), "conditions": [condition]});
    job(version, status)
}

pub(super) fn failed(version: u64) -> Value {
    let condition = json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "lastTransitionTime": second(9).to_string()});
    job(version, json!({"failed": 1, "conditions": [condition]}))
}

pub(super) fn pod(version: u64, phase: &str, node: Option<&str>, state: Option<Value>) -> Value {
    let scheduled = node.map(
        |_| json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": second(2).to_string()}),
    );
    let statuses: Vec<_> =
        state.map(|state| json!({"restartCount": 0, "state": state})).into_iter().collect();
    json!({
        "metadata": {"namespace": "default", "name": "job-1-a", "uid": POD_UID,
            "resourceVersion": version.to_string(), "creationTimestamp": second(1).to_string(),
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "job-1", "uid": JOB_UID,
                "controller": true}]},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": scheduled.into_iter().collect::<Vec<_>>(),
            "containerStatuses": statuses},
    })
}

pub(super) fn running() -> Value {
    json!({"running": {"startedAt": second(3).to_string()}})
}

pub(super) fn ended(exit_code: i64) -> Value {
    json!({"terminated": {"exitCode": exit_code, "reason": "Error", "startedAt": second(3).to_string(),
        "finishedAt": second(8).to_string()}})
}

/// A whole life, as a watch tells it: of the pod, and of the job.
pub(super) fn life() -> (Vec<JournalEntry>, Vec<JournalEntry>) {
    let seen =
        |event, resource: &ResourceType, object: Value| entry(event, Provenance::Watch, resource, &object);
    let pods = vec![
        seen(JournalEvent::Added, &PODS, pod(12, "Pending", None, None)),
        seen(JournalEvent::Modified, &PODS, pod(13, "Pending", Some("n1"), None)),
        seen(JournalEvent::Modified, &PODS, pod(15, "Running", Some("n1"), Some(running()))),
        seen(JournalEvent::Modified, &PODS, pod(16, "Succeeded", Some("n1"), Some(ended(0)))),
        seen(JournalEvent::Deleted, &PODS, pod(19, "Succeeded", Some("n1"), Some(ended(0)))),
    ];
    let jobs = vec![
        seen(JournalEvent::Added, &JOBS, job(11, json!({}))),
        seen(
            JournalEvent::Modified,
            &JOBS,
            job(14, json!({"active": 1, "startTime": second(1).to_string()})),
        ),
        seen(JournalEvent::Modified, &JOBS, complete(17)),
        seen(JournalEvent::Deleted, &JOBS, complete(20)),
    ];
    (pods, jobs)
}

/// Everything the database says about the one job, as text that two databases can be compared by: without the row
/// numbers of revisions, which depend on how the two streams met.
pub(super) async fn contents(recorder: &Recorder) -> String {
    let store = recorder.store();
    let Some(job) = store.job_by_uid(JOB_UID).await.unwrap() else { return "nothing".to_owned() };
    let mut revisions: Vec<_> = Vec::new();
    for revision in store.revisions(job.id).await.unwrap() {
        let document = store.revision_document(revision.id).await.unwrap();
        revisions
            .push(format!("{} {} {} {document:?}", revision.uid, revision.resource_version, revision.event));
    }
    revisions.sort();
    let pods: Vec<_> =
        store.pods(job.id).await.unwrap().into_iter().map(|pod| (pod.phase, pod.exit_code)).collect();
    let states = states(recorder).await;
    format!("{:?} {:?} {pods:?} {states:?} {revisions:#?}", job.state, job.deleted_at)
}

pub(super) async fn transitions(recorder: &Recorder) -> Vec<Transition> {
    let job = recorder.store().job_by_uid(JOB_UID).await.unwrap().unwrap();
    recorder.store().transitions(job.id).await.unwrap()
}

pub(super) async fn states(recorder: &Recorder) -> Vec<JobState> {
    transitions(recorder).await.iter().map(|transition| transition.to).collect()
}
