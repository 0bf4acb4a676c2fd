//! Writing down one entry of the pods' stream.

use super::context::{Batch, is_older};
use super::prepare::{Content, Prepared};
use super::transitions::{self, Cause};
use crate::model::{PodFacts, Presence, RevisionEvent};
use crate::store::{
    JobKey, NewRevision, PodContent, StoreError, put_pod, put_revision, stored_job, stored_pod,
};

/// Records a version of a Pod that a Job controls, or its end; other pods are none of the logbook's business.
pub(super) async fn record(batch: &mut Batch<'_>, entry: &Prepared) -> Result<(), StoreError> {
    let cluster_id = batch.stream.cluster_id;
    let stored = stored_pod(batch.connection, cluster_id, &entry.uid).await?;
    let object = match &entry.content {
        Content::Pod(object) => Some(object),
        _ => None,
    };
    let known_owner = stored.as_ref().map(|pod| pod.owner_uid.clone());
    let Some(owner_uid) = known_owner.or_else(|| object.and_then(|object| object.owner_uid.clone())) else {
        return Ok(());
    };
    let job = match stored.as_ref().and_then(|pod| pod.job_id) {
        Some(id) => stored_job(batch.connection, cluster_id, JobKey::Id(id)).await?,
        None => stored_job(batch.connection, cluster_id, JobKey::Uid(&owner_uid)).await?,
    };
    let job_id = job.as_ref().map(|job| job.id);
    let revision = NewRevision {
        stream: batch.stream,
        uid: &entry.uid,
        name: &entry.name,
        resource_version: &entry.resource_version,
        event: entry.event,
        observed_at: entry.observed_at,
        provenance: entry.provenance,
        job_id,
        document: entry.document.as_ref(),
    };
    let Some(revision_id) = put_revision(batch.connection, &revision).await? else { return Ok(()) };
    batch.counts.revisions += 1;
    let newest = stored.as_ref().map(|pod| pod.resource_version.as_str());
    if newest.is_some_and(|newest| is_older(&entry.resource_version, newest)) {
        return Ok(());
    }
    let gone = matches!(entry.event, RevisionEvent::Deleted | RevisionEvent::Vanished);
    let facts = match (object, &stored) {
        (Some(object), _) => object.facts.clone(),
        (None, Some(pod)) => pod.facts.clone(),
        (None, None) => return Ok(()),
    };
    let facts = PodFacts { gone, ..facts };
    let content = PodContent {
        cluster_id,
        uid: &entry.uid,
        owner_uid: &owner_uid,
        job_id,
        namespace: &entry.namespace,
        name: &entry.name,
        resource_version: &entry.resource_version,
        created_at: facts.created_at.unwrap_or(entry.observed_at),
        deleted_at: gone.then_some(entry.observed_at),
        facts: &facts,
    };
    put_pod(batch.connection, &content).await?;
    match job {
        Some(job) => transitions::follow(batch, Cause { entry, revision_id }, &job, Presence::Present).await,
        None => Ok(()),
    }
}
