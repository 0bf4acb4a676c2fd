//! What comes twice, and what a crash leaves.

use pilothouse::journal::{JournalBatch, JournalEntry, JournalSink};
use pilothouse::{ResourceType, ResourceVersion};
use proptest::prelude::*;

use super::fixtures::{JOBS, PODS, batch, commit, contents, life, recorder, recorder_at, states};
use crate::model::JobState;
use crate::recorder::RecorderSink;
use crate::store::Location;

use JobState::{Pending, Running, Starting, Submitted, Succeeded};

#[tokio::test]
async fn j1_a_life_seen_whole_is_recorded_version_by_version_with_its_states_in_order() {
    let (pods, jobs) = life();
    let recorder = recorder().await;
    let versions =
        |entries: &[JournalEntry]| entries.iter().map(|e| e.resource_version.to_string()).collect::<Vec<_>>();
    let mut expected = [versions(&pods), versions(&jobs)].concat();
    let (job_end, pod_end) = (jobs[2..].to_vec(), pods[3..].to_vec());
    commit(&recorder, &batch(&JOBS, jobs[..1].to_vec())).await;
    commit(&recorder, &batch(&PODS, pods[..3].to_vec())).await;
    commit(&recorder, &batch(&JOBS, jobs[1..2].to_vec())).await;
    commit(&recorder, &batch(&PODS, pod_end)).await;
    commit(&recorder, &batch(&JOBS, job_end)).await;

    assert_eq!(states(&recorder).await, [Submitted, Pending, Starting, Running, Succeeded]);
    let job = recorder.store().list_jobs(&Default::default(), None).await.unwrap().items.remove(0);
    assert_eq!((job.submitter.as_deref(), job.exit_code), (Some("ada"), Some(0)));
    assert!(job.deleted_at.is_some());
    let revisions = recorder.store().revisions(job.id).await.unwrap();
    let mut recorded: Vec<_> = revisions.iter().map(|revision| revision.resource_version.clone()).collect();
    recorded.sort();
    expected.sort();
    assert_eq!(recorded, expected);
    let counts = recorder.store().counts_by_state(Some("default")).await.unwrap();
    assert_eq!((counts[&Succeeded], counts[&Running], counts.values().sum::<u64>()), (1, 0, 1));
}

/// The batches of both streams in one order of commits: `cuts` says how long each batch is, `turns` whose turn it is.
fn batches(cuts: &[usize], turns: &[bool]) -> Vec<JournalBatch> {
    let (pods, jobs) = life();
    let mut streams = [(PODS.clone(), pods), (JOBS.clone(), jobs)];
    let (mut cuts, mut turns) = (cuts.iter().cycle(), turns.iter().cycle());
    let mut batches = Vec::new();
    while streams.iter().any(|(_, entries)| !entries.is_empty()) {
        let wanted = usize::from(*turns.next().unwrap());
        let turn = if streams[wanted].1.is_empty() { 1 - wanted } else { wanted };
        let (resource, entries) = &mut streams[turn];
        let length = (*cuts.next().unwrap()).clamp(1, entries.len());
        batches.push(batch(resource, entries.drain(..length).collect()));
    }
    batches
}

async fn position(recorder: &super::super::Recorder, resource: &ResourceType) -> Option<ResourceVersion> {
    RecorderSink::new(recorder.clone()).position(resource).await.unwrap()
}

/// Runs the batches, killed after each commit in `crashes`; what a stream's stored position does not cover is sent
/// again, and so is the batch before it, whose commit may not have been acknowledged.
async fn run_with_crashes(batches: &[JournalBatch], crashes: &[bool]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("logbook.sqlite"));
    let mut recorder = recorder_at(&location).await;
    for (done, batch) in batches.iter().enumerate() {
        recorder.commit(batch).await.unwrap();
        if crashes.get(done).copied().unwrap_or(false) {
            drop(recorder);
            recorder = recorder_at(&location).await;
            let stored = position(&recorder, &batch.resource).await.unwrap();
            assert_eq!(stored, batch.position, "the position is as far as the rows");
            let again =
                batches[..=done].iter().rev().filter(|other| other.resource == batch.resource).take(2);
            for batch in again.collect::<Vec<_>>().into_iter().rev() {
                recorder.commit(batch).await.unwrap();
            }
        }
    }
    contents(&recorder).await
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn j2_a_crash_after_any_commit_and_a_replay_leave_what_a_run_without_crash_leaves(
        cuts in prop::collection::vec(1..4_usize, 1..5),
        turns in prop::collection::vec(any::<bool>(), 1..6),
        crashes in prop::collection::vec(any::<bool>(), 0..9),
    ) {
        let batches = batches(&cuts, &turns);
        let (calm, crashed) =
            block_on(async { (run_with_crashes(&batches, &[]).await, run_with_crashes(&batches, &crashes).await) });
        prop_assert_eq!(calm, crashed);
    }
}
