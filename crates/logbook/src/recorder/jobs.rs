//! Writing down one entry of the jobs' stream.

use super::context::{Batch, is_older};
use super::prepare::{Content, Prepared};
use super::transitions::{self, Cause, Subject};
use crate::model::{Coverage, JobState, Presence, Provenance, RevisionEvent, advance};
use crate::store::{
    JobContent, JobKey, NewRevision, StoreError, StoredJob, adopt, insert_job, mark_deleted, pods_of,
    put_revision, stored_job, update_content,
};

/// Records a version of a Job, or its end.
pub(super) async fn record(batch: &mut Batch<'_>, entry: &Prepared) -> Result<(), StoreError> {
    let cluster_id = batch.stream.cluster_id;
    let stored = stored_job(batch.connection, cluster_id, JobKey::Uid(&entry.uid)).await?;
    let revision = NewRevision {
        stream: batch.stream,
        uid: &entry.uid,
        name: &entry.name,
        resource_version: &entry.resource_version,
        event: entry.event,
        observed_at: entry.observed_at,
        provenance: entry.provenance,
        job_id: stored.as_ref().map(|job| job.id),
        document: entry.document.as_ref(),
    };
    if stored.is_none() && matches!(entry.content, Content::Nothing) {
        return Ok(());
    }
    let Some(revision_id) = put_revision(batch.connection, &revision).await? else { return Ok(()) };
    batch.counts.revisions += 1;
    let cause = Cause { entry, revision_id };
    match (stored, &entry.content) {
        (None, Content::Job(content)) => first_seen(batch, cause, content).await,
        (Some(job), _) if is_older(&entry.resource_version, &job.resource_version) => Ok(()),
        (Some(job), content) => seen_again(batch, cause, job, content).await,
        (None, _) => Ok(()),
    }
}

fn presence(event: RevisionEvent) -> Presence {
    match event {
        RevisionEvent::Added | RevisionEvent::Modified => Presence::Present,
        RevisionEvent::Deleted => Presence::Deleted,
        RevisionEvent::Vanished => Presence::Absent,
    }
}

async fn first_seen(batch: &mut Batch<'_>, cause: Cause<'_>, content: &JobContent) -> Result<(), StoreError> {
    let (cluster_id, uid) = (batch.stream.cluster_id, cause.entry.uid.as_str());
    let pods = pods_of(batch.connection, cluster_id, uid).await?;
    let way = advance(None, &content.facts, &pods, presence(cause.entry.event));
    let listed = matches!(cause.entry.provenance, Provenance::InitialList | Provenance::ListAfterGap);
    let under_way = way.steps.last().is_none_or(|step| step.to != JobState::Submitted);
    let coverage = if listed && under_way { Coverage::LeftCensored } else { Coverage::Full };
    let dated = transitions::date(&way.steps, cause.entry);
    let position = transitions::first_position(&dated, way.cause, content.created_at);
    let job_id = insert_job(batch.connection, cluster_id, uid, content, &position, coverage).await?;
    adopt(batch.connection, cluster_id, job_id, uid, cause.revision_id).await?;
    let subject =
        Subject { job_id, uid, namespace: &content.namespace, name: &content.name, kind: &content.kind };
    transitions::store(batch, subject, cause, &dated, 0).await?;
    if cause.entry.event == RevisionEvent::Deleted {
        mark_deleted(batch.connection, job_id, cause.entry.observed_at).await?;
    }
    Ok(())
}

async fn seen_again(
    batch: &mut Batch<'_>,
    cause: Cause<'_>,
    mut job: StoredJob,
    content: &Content,
) -> Result<(), StoreError> {
    if let Content::Job(content) = content {
        update_content(batch.connection, job.id, content).await?;
        job.facts = content.facts.clone();
    }
    transitions::follow(batch, cause, &job, presence(cause.entry.event)).await?;
    if presence(cause.entry.event) != Presence::Present {
        mark_deleted(batch.connection, job.id, cause.entry.observed_at).await?;
    }
    Ok(())
}
