//! Writing down one entry of the pods' stream.

use super::context::{Batch, is_older};
use super::prepare::{Content, PodObject, Prepared};
use super::transitions::{self, Cause};
use crate::model::{PodFacts, Presence, RevisionEvent};
use crate::store::{Family, NewRevision, PodContent, StoreError, pod_owner, put_pod, put_revision};

/// Records a version of a Pod that a Job controls, or its end; other pods are none of the logbook's business.
pub(super) async fn record(batch: &mut Batch<'_>, entry: &Prepared) -> Result<(), StoreError> {
    let cluster_id = batch.stream.cluster_id;
    let object = match &entry.content {
        Content::Pod(object) => Some(&**object),
        _ => None,
    };
    let said = object.and_then(|object| object.owner_uid.as_deref());
    let known = said.is_some_and(|owner| batch.families.has_pod(cluster_id, owner, &entry.uid));
    // A pod stays with the job it was first seen with.
    let first = if known { None } else { pod_owner(batch.connection, cluster_id, &entry.uid).await? };
    let Some(owner_uid) = first.as_deref().or(said) else { return Ok(()) };
    let mut family = batch.families.take(batch.connection, cluster_id, owner_uid).await?;
    let recorded = record_in(batch, entry, object, owner_uid, &mut family).await;
    batch.families.put(cluster_id, owner_uid, family);
    recorded
}

async fn record_in(
    batch: &mut Batch<'_>,
    entry: &Prepared,
    object: Option<&PodObject>,
    owner_uid: &str,
    family: &mut Family,
) -> Result<(), StoreError> {
    let job_id = family.job.as_ref().map(|job| job.id);
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
    let stored = family.pod(&entry.uid);
    if stored.is_some_and(|(newest, _)| is_older(&entry.resource_version, newest)) {
        return Ok(());
    }
    let gone = matches!(entry.event, RevisionEvent::Deleted | RevisionEvent::Vanished);
    let facts = match (object, stored) {
        (Some(object), _) => object.facts.clone(),
        (None, Some((_, facts))) => facts.clone(),
        (None, None) => return Ok(()),
    };
    let facts = PodFacts { gone, ..facts };
    let content = PodContent {
        cluster_id: batch.stream.cluster_id,
        uid: &entry.uid,
        owner_uid,
        job_id,
        namespace: &entry.namespace,
        name: &entry.name,
        resource_version: &entry.resource_version,
        created_at: facts.created_at.unwrap_or(entry.observed_at),
        deleted_at: gone.then_some(entry.observed_at),
        facts: &facts,
    };
    put_pod(batch.connection, &content).await?;
    family.put_pod(&entry.uid, &entry.resource_version, facts);
    transitions::follow(batch, Cause { entry, revision_id }, family, Presence::Present).await
}
