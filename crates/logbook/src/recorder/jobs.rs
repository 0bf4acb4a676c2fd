//! Writing down one entry of the jobs' stream.

use super::context::{Batch, is_older};
use super::prepare::{Content, Prepared};
use super::transitions::{self, Cause, Subject};
use crate::model::{Coverage, JobState, Presence, Provenance, RevisionEvent, advance};
use crate::store::{
    Family, JobContent, NewRevision, StoreError, StoredJob, adopt, insert_job, mark_deleted, put_revision,
    update_content,
};

/// Records a version of a Job, or its end.
pub(super) async fn record(batch: &mut Batch<'_>, entry: &Prepared) -> Result<(), StoreError> {
    let cluster_id = batch.stream.cluster_id;
    let mut family = batch.families.take(batch.connection, cluster_id, &entry.uid).await?;
    let recorded = record_in(batch, entry, &mut family).await;
    batch.families.put(cluster_id, &entry.uid, family);
    recorded
}

async fn record_in(batch: &mut Batch<'_>, entry: &Prepared, family: &mut Family) -> Result<(), StoreError> {
    let revision = NewRevision {
        stream: batch.stream,
        uid: &entry.uid,
        name: &entry.name,
        resource_version: &entry.resource_version,
        event: entry.event,
        observed_at: entry.observed_at,
        provenance: entry.provenance,
        job_id: family.job.as_ref().map(|job| job.id),
        document: entry.document.as_ref(),
    };
    if family.job.is_none() && matches!(entry.content, Content::Nothing) {
        return Ok(());
    }
    let Some(revision_id) = put_revision(batch.connection, &revision).await? else { return Ok(()) };
    batch.counts.revisions += 1;
    let cause = Cause { entry, revision_id };
    match (&family.job, &entry.content) {
        (None, Content::Job(content)) => first_seen(batch, cause, content, family).await,
        (Some(job), _) if is_older(&entry.resource_version, &job.resource_version) => Ok(()),
        (Some(_), content) => seen_again(batch, cause, content, family).await,
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

async fn first_seen(
    batch: &mut Batch<'_>,
    cause: Cause<'_>,
    content: &JobContent,
    family: &mut Family,
) -> Result<(), StoreError> {
    let (cluster_id, uid) = (batch.stream.cluster_id, cause.entry.uid.as_str());
    let way = advance(None, &content.facts, family.pods(), presence(cause.entry.event));
    let listed = matches!(cause.entry.provenance, Provenance::InitialList | Provenance::ListAfterGap);
    let under_way = way.steps.last().is_none_or(|step| step.to != JobState::Submitted);
    let coverage = if listed && under_way { Coverage::LeftCensored } else { Coverage::Full };
    let dated = transitions::date(&way.steps, cause.entry);
    let position = transitions::first_position(&dated, way.cause, content.created_at);
    let job_id = insert_job(batch.connection, cluster_id, uid, content, &position, coverage).await?;
    adopt(batch.connection, cluster_id, job_id, uid, cause.revision_id).await?;
    family.job = Some(StoredJob::inserted(job_id, uid, content, &position));
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
    content: &Content,
    family: &mut Family,
) -> Result<(), StoreError> {
    let Some(job) = &mut family.job else { return Ok(()) };
    let job_id = job.id;
    if let Content::Job(content) = content {
        update_content(batch.connection, job_id, content).await?;
        job.facts = content.facts.clone();
        job.resource_version.clone_from(&content.resource_version);
    }
    transitions::follow(batch, cause, family, presence(cause.entry.event)).await?;
    if presence(cause.entry.event) != Presence::Present {
        mark_deleted(batch.connection, job_id, cause.entry.observed_at).await?;
    }
    Ok(())
}
