//! Writing down the transitions that follow from a new revision.

use jiff::Timestamp;

use super::context::Batch;
use super::prepare::Prepared;
use crate::model::{self, JobState, Presence, Provenance, Standing, Step, advance, exit_code};
use crate::notify::{self, Announcement};
use crate::store::{
    Family, JobPosition, NewTransition, StoreError, add_exit_code, insert_transition, update_cause,
    update_position,
};

/// The revision that shows something new.
#[derive(Clone, Copy)]
pub(super) struct Cause<'a> {
    pub(super) entry: &'a Prepared,
    pub(super) revision_id: i64,
}

/// The job that the transitions are about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) job_id: i64,
    pub(super) uid: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
}

/// A step with its time.
pub(super) struct Dated<'a> {
    pub(super) step: &'a Step,
    pub(super) effective_at: Timestamp,
    pub(super) source: &'static str,
}

/// Gives each step the time that the objects say, else the time of its observation.
pub(super) fn date<'a>(steps: &'a [Step], entry: &Prepared) -> Vec<Dated<'a>> {
    let date = |step: &'a Step| match step.effective {
        Some(effective) => Dated { step, effective_at: effective.at, source: effective.source },
        None => Dated { step, effective_at: entry.observed_at, source: "observed" },
    };
    steps.iter().map(date).collect()
}

/// Where a job is that has been seen for the first time.
pub(super) fn first_position(
    dated: &[Dated<'_>],
    cause: Option<model::Cause>,
    created_at: Timestamp,
) -> JobPosition {
    position(dated, cause, 0).unwrap_or(JobPosition {
        standing: Standing { state: JobState::Submitted, attempt: 1, since: created_at },
        reason: None,
        message: None,
        exit_code: None,
        started_at: None,
        ended_at: None,
        last_sequence: 0,
    })
}

/// Where a job is after these steps; `None` if there are none.
fn position(dated: &[Dated<'_>], cause: Option<model::Cause>, last_sequence: i64) -> Option<JobPosition> {
    let last = dated.last()?;
    let first = |wanted: fn(JobState) -> bool| {
        dated.iter().find(|dated| wanted(dated.step.to)).map(|dated| dated.effective_at)
    };
    let cause = cause.unwrap_or_default();
    Some(JobPosition {
        standing: Standing { state: last.step.to, attempt: last.step.attempt, since: last.effective_at },
        reason: cause.reason,
        message: cause.message,
        exit_code: last.step.exit_code,
        started_at: first(|state| state == JobState::Running),
        ended_at: first(JobState::is_terminal),
        last_sequence: last_sequence + i64::try_from(dated.len()).unwrap_or(0),
    })
}

/// Moves a known job to where its facts say it is now.
pub(super) async fn follow(
    batch: &mut Batch<'_>,
    cause: Cause<'_>,
    family: &mut Family,
    presence: Presence,
) -> Result<(), StoreError> {
    let Some(job) = &family.job else { return Ok(()) };
    if job.standing.state.is_terminal() {
        // Facts that come late enrich an ended job and never move it.
        let late = exit_code(job.standing.state, family.pods()).filter(|_| job.exit_code.is_none());
        if let Some(code) = late {
            add_exit_code(batch.connection, job.id, code).await?;
            family.job.iter_mut().for_each(|job| job.exit_code = late);
        }
        return Ok(());
    }
    let way = advance(Some(job.standing), &job.facts, family.pods(), presence);
    let dated = date(&way.steps, cause.entry);
    match (position(&dated, way.cause.clone(), job.last_sequence), way.cause) {
        (Some(position), _) => {
            update_position(batch.connection, job.id, &position).await?;
            let subject = Subject {
                job_id: job.id,
                uid: &job.uid,
                namespace: &job.namespace,
                name: &job.name,
                kind: &job.kind,
            };
            store(batch, subject, cause, &dated, job.last_sequence).await?;
            family.job.iter_mut().for_each(|job| job.moved(&position));
        }
        (None, Some(new)) if new != job.cause => {
            update_cause(batch.connection, job.id, &new).await?;
            family.job.iter_mut().for_each(|job| job.cause.clone_from(&new));
        }
        (None, _) => {}
    }
    Ok(())
}

/// Stores the transitions and the notifications they call for.
pub(super) async fn store(
    batch: &mut Batch<'_>,
    subject: Subject<'_>,
    cause: Cause<'_>,
    dated: &[Dated<'_>],
    last_sequence: i64,
) -> Result<(), StoreError> {
    for (sequence, dated) in (last_sequence + 1..).zip(dated) {
        let inferred = dated.step.inferred;
        let provenance = if inferred { Provenance::InferredStatus } else { cause.entry.provenance };
        let transition = NewTransition {
            job_id: subject.job_id,
            sequence,
            revision_id: cause.revision_id,
            resource_version: &cause.entry.resource_version,
            step: dated.step,
            observed_at: cause.entry.observed_at,
            effective_at: dated.effective_at,
            effective_source: dated.source,
            provenance,
            gap_id: batch.gap_id.filter(|_| is_of_gap(cause.entry.provenance)),
        };
        let id = insert_transition(batch.connection, &transition).await?;
        batch.latest_transition = Some(id);
        batch.counts.add(dated.step.to, inferred);
        if cause.entry.provenance != Provenance::InitialList {
            announce(batch, subject, &transition, id).await?;
        }
    }
    Ok(())
}

/// Queues the notifications of a transition; what the very first list shows was before our time and is no news.
async fn announce(
    batch: &mut Batch<'_>,
    subject: Subject<'_>,
    transition: &NewTransition<'_>,
    id: i64,
) -> Result<(), StoreError> {
    let announcement = Announcement {
        cluster: &batch.recorder.cluster.0,
        cluster_name: &batch.recorder.cluster.1,
        kind: subject.kind,
        uid: subject.uid,
        namespace: subject.namespace,
        name: subject.name,
        transition,
    };
    let now = batch.recorder.environment.now();
    batch.notifications +=
        notify::enqueue(batch.connection, &batch.recorder.subscriptions, &announcement, id, now).await?;
    Ok(())
}

fn is_of_gap(provenance: Provenance) -> bool {
    matches!(provenance, Provenance::ListAfterGap | Provenance::InferredAbsence)
}
