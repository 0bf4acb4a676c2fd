//! The journals' end of the recorder.

use std::time::Duration;

use pilothouse::journal::{JournalBatch, JournalSink, KnownObject};
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use tokio::time::timeout;

use super::Recorder;
use super::prepare::{Content, Prepared, prepare};
use crate::model::Provenance;
use crate::store::{Objects, StoreError};

/// How long a job's end waits for its pods' ends, which come on another stream, before it is recorded without them.
const PATIENCE: Duration = Duration::from_millis(250);

/// Stores the journal of one resource type: jobs or pods.
///
/// **Guarantees.** [`commit`](JournalSink::commit) is atomic and idempotent. A batch in which a job ends waits up to
/// a quarter of a second for the ends of its pods, so that exit codes and the times between are known when the end
/// is recorded and told; it never waits when the pods are recorded already, or after a list.
///
/// **Errors.** [`StoreError`]; the journal tries again.
#[derive(Debug)]
pub struct RecorderSink {
    recorder: Recorder,
    patience: Duration,
}

impl RecorderSink {
    /// A sink of this recorder.
    #[must_use]
    pub fn new(recorder: Recorder) -> Self {
        Self { recorder, patience: PATIENCE }
    }

    /// Waits until the pods of the jobs that end in this batch are recorded as ended, or patience is at an end.
    async fn wait_for_pods(&self, entries: &[Prepared]) -> Result<(), StoreError> {
        let expected = jobs_ending(entries);
        if expected.is_empty() {
            return Ok(());
        }
        let mut commits = self.recorder.store.subscribe();
        let all_known = async {
            for (uid, pods) in &expected {
                while self.recorder.store.ended_pods(self.recorder.cluster_id, uid).await? < *pods {
                    if commits.changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        timeout(self.patience, all_known).await.unwrap_or(Ok(()))
    }
}

/// The jobs that this batch, as it happens, shows to end, with the number of ended pods they count.
fn jobs_ending(entries: &[Prepared]) -> Vec<(&str, i64)> {
    let live = entries.iter().filter(|entry| entry.provenance == Provenance::Watch);
    let ending = live.filter_map(|entry| {
        let Content::Job(job) = &entry.content else { return None };
        let ends = ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"];
        let ending = ends.iter().any(|condition| job.facts.holding(condition).is_some());
        ending.then(|| (entry.uid.as_str(), job.facts.ended_pods()))
    });
    ending.filter(|(_, pods)| *pods > 0).collect()
}

impl JournalSink for RecorderSink {
    type Error = StoreError;

    async fn position(&mut self, resource: &ResourceType) -> Result<Option<ResourceVersion>, StoreError> {
        let position = self.recorder.store.position(self.recorder.cluster_id, &resource.to_string()).await?;
        Ok(position.map(|text| ResourceVersion::parse(&text)))
    }

    async fn known(&mut self, resource: &ResourceType) -> Result<Vec<KnownObject>, StoreError> {
        let Some(objects) = Objects::of(resource) else { return Ok(Vec::new()) };
        let live = self.recorder.store.live_objects(self.recorder.cluster_id, objects).await?;
        let known = live.into_iter().map(|object| KnownObject {
            key: ObjectKey::new(object.namespace, object.name),
            uid: object.uid.as_str().into(),
            resource_version: ResourceVersion::parse(&object.resource_version),
        });
        Ok(known.collect())
    }

    async fn commit(&mut self, batch: JournalBatch) -> Result<(), StoreError> {
        let entries = prepare(&batch.entries)?;
        self.wait_for_pods(&entries).await?;
        self.recorder.commit_prepared(&batch, &entries).await
    }
}
