//! What happens to a batch of records.

use std::error::Error as _;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use pilothouse::controller::predicate::generation_changed;
use pilothouse::{
    Action, BatchItem, BatchReconciler, BatchResults, Batches, Controller, EventType, Manager, ObjectExt,
    ReconcileError, set_condition,
};

use crate::{Change, Record, RecordStatus, Refusal, Zone};

/// What keeps a Record until the zone has forgotten it.
pub const FINALIZER: &str = "example.pilothouse.dev/zone";

/// Publishes records in a zone.
#[derive(Debug)]
pub struct Records<Z> {
    zone: Z,
}

impl<Z: Zone> BatchReconciler for Records<Z> {
    type Object = Record;

    async fn reconcile_batch(&self, batch: &[BatchItem<Record>]) -> Result<BatchResults, ReconcileError> {
        let mut results = BatchResults::default();
        let (mut items, mut changes) = (Vec::new(), Vec::new());
        for (item, prepared) in batch.iter().zip(join_all(batch.iter().map(prepare)).await) {
            match prepared {
                Ok((record, change)) => {
                    items.push((item, record));
                    changes.push(change);
                }
                Err(error) => results.set(item.key().clone(), Err(error)),
            }
        }
        if changes.is_empty() {
            return Ok(results);
        }
        // One call for all. When it fails, all of them have failed, and are tried again.
        let outcomes = self
            .zone
            .change(&changes)
            .await
            .map_err(|error| ReconcileError::retryable_because("ZoneUnavailable", error))?;
        let finished =
            items.iter().zip(outcomes).map(|((item, record), outcome)| finish(item, record, outcome));
        for ((item, _), result) in items.iter().zip(join_all(finished).await) {
            results.set(item.key().clone(), result);
        }
        Ok(results)
    }
}

/// The operator, to be given a client and run.
pub fn operator(zone: impl Zone) -> Manager {
    // One batch at a time: there is one zone. The status is ours, and no reason to look at the record again.
    let records = Controller::of::<Record>().predicate(generation_changed).workers(1);
    let batches = Batches::of(100).within(Duration::from_millis(200));
    Manager::new("records-operator").add(records.batch_reconciler(batches, Records { zone }))
}

/// What to ask of the zone for one record. A record has its finalizer before the zone has the record.
async fn prepare(item: &BatchItem<Record>) -> Result<(Record, Change), ReconcileError> {
    let (record, owner) = (item.object(), item.key().clone());
    if record.is_deleting() {
        return Ok((Record::clone(record), Change { owner, entry: None }));
    }
    let record = item.context().add_finalizer(record, FINALIZER).await?;
    let entry = Some((record.spec.name.clone(), record.spec.address.clone()));
    Ok((record, Change { owner, entry }))
}

/// Tells what became of one record; its own result, whatever the others' are.
async fn finish(
    item: &BatchItem<Record>,
    record: &Record,
    outcome: Result<(), Refusal>,
) -> Result<Action, ReconcileError> {
    let context = item.context();
    if record.is_deleting() {
        context.remove_finalizer(record, FINALIZER).await?;
        return Ok(Action::done());
    }
    let result = outcome.map_err(|refusal| match refusal {
        // Free as soon as the other record goes or takes another name.
        Refusal::NameTaken { ref owner, .. } => ReconcileError::wait_for::<Record>(owner.clone(), refusal),
        Refusal::BadName(_) => ReconcileError::terminal("BadName", refusal),
        Refusal::BadAddress(_) => ReconcileError::terminal("BadAddress", refusal),
    });
    let was_published = is_published(record.status.as_ref());
    let now = context.now();
    let record = context.update_status(record, |status| observe(status, record, &result, now)).await?;
    if is_published(record.status.as_ref()) && !was_published {
        context.event(&record, EventType::Normal, "Published", "the zone has the record");
    }
    result.map(|()| Action::done())
}

fn observe(status: &mut RecordStatus, record: &Record, result: &Result<(), ReconcileError>, now: Timestamp) {
    let generation = record.metadata.generation;
    let (reason, message) = match result {
        Ok(()) => ("Published", "the zone has the record".to_owned()),
        Err(error) => (error.reason(), error.source().map(ToString::to_string).unwrap_or_default()),
    };
    status.observed_generation = generation;
    set_condition(&mut status.conditions, "Published", result.is_ok(), (reason, &message), generation, now);
}

fn is_published(status: Option<&RecordStatus>) -> bool {
    status.is_some_and(|status| {
        status.conditions.iter().any(|condition| condition.type_ == "Published" && condition.status == "True")
    })
}
