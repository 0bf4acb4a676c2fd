//! What of a journal's entry can be worked out before the transaction begins.

use jiff::Timestamp;
use pilothouse::journal::{self, JournalEntry, JournalEvent};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::{CHANNEL_ANNOTATION, JobFacts, PodFacts, Provenance, RevisionEvent, SUBMITTER_ANNOTATION};
use crate::store::{JobContent, PackedDocument, StoreError};

/// Documents are a few kilobytes and written once: a low level gives most of the gain.
const COMPRESSION_LEVEL: i32 = 3;

/// An entry, unpacked.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) event: RevisionEvent,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) provenance: Provenance,
    pub(super) observed_at: Timestamp,
    pub(super) document: Option<PackedDocument>,
    pub(super) content: Content,
}

/// What the entry's object says.
#[derive(Debug)]
pub(super) enum Content {
    /// A Job.
    Job(Box<JobContent>),
    /// A Pod.
    Pod(Box<PodObject>),
    /// The entry has no object: it vanished.
    Nothing,
}

/// What a Pod's object says.
#[derive(Debug)]
pub(super) struct PodObject {
    /// The uid of the Job that controls it.
    pub(super) owner_uid: Option<String>,
    pub(super) facts: PodFacts,
}

/// Unpacks the entries of one batch.
pub(super) fn prepare(entries: &[JournalEntry]) -> Result<Vec<Prepared>, StoreError> {
    let document_error = |source| StoreError::Document { action: "compress", source };
    let mut compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL).map_err(document_error)?;
    let mut prepared = Vec::with_capacity(entries.len());
    for entry in entries {
        let document = match &entry.object {
            Some(object) => {
                let json = object.json().map_err(|error| document_error(std::io::Error::other(error)))?;
                Some(PackedDocument {
                    sha256: Sha256::digest(&json).into(),
                    length: i64::try_from(json.len()).unwrap_or(i64::MAX),
                    bytes: compressor.compress(&json).map_err(document_error)?,
                })
            }
            None => None,
        };
        prepared.push(Prepared {
            event: event(entry.event),
            namespace: entry.key.namespace.to_string(),
            name: entry.key.name.to_string(),
            uid: entry.uid.to_string(),
            resource_version: entry.resource_version.to_string(),
            provenance: provenance(entry.provenance),
            observed_at: entry.observed_at,
            document,
            content: content(entry),
        });
    }
    Ok(prepared)
}

fn event(event: JournalEvent) -> RevisionEvent {
    match event {
        JournalEvent::Added => RevisionEvent::Added,
        JournalEvent::Modified => RevisionEvent::Modified,
        JournalEvent::Deleted => RevisionEvent::Deleted,
        JournalEvent::Vanished => RevisionEvent::Vanished,
    }
}

fn provenance(provenance: journal::Provenance) -> Provenance {
    match provenance {
        journal::Provenance::Watch => Provenance::Watch,
        journal::Provenance::Resume => Provenance::Resume,
        journal::Provenance::InitialList => Provenance::InitialList,
        journal::Provenance::ListAfterGap => Provenance::ListAfterGap,
        journal::Provenance::InferredAbsence => Provenance::InferredAbsence,
    }
}

fn content(entry: &JournalEntry) -> Content {
    let Some(object) = &entry.object else { return Content::Nothing };
    let value = object.to_value();
    if value.get("kind").and_then(Value::as_str) == Some("Pod") {
        let facts = PodFacts::of(&value);
        return Content::Pod(Box::new(PodObject { owner_uid: job_owner(&value), facts }));
    }
    let facts = JobFacts::of(&value);
    let controller = controller(&value);
    let owner =
        |field| controller.and_then(|owner| owner.get(field)).and_then(Value::as_str).map(str::to_owned);
    let said = |field| value.get(field).and_then(Value::as_str).unwrap_or_default();
    Content::Job(Box::new(JobContent {
        kind: format!("{} {}", said("apiVersion"), said("kind")),
        namespace: entry.key.namespace.to_string(),
        name: entry.key.name.to_string(),
        resource_version: entry.resource_version.to_string(),
        owner_kind: owner("kind"),
        owner_name: owner("name"),
        submitter: annotation(&value, SUBMITTER_ANNOTATION),
        channel: annotation(&value, CHANNEL_ANNOTATION),
        manager: object.header().first_manager.as_deref().map(str::to_owned),
        created_at: facts.created_at.unwrap_or(entry.observed_at),
        facts,
    }))
}

fn annotation(object: &Value, name: &str) -> Option<String> {
    object.pointer("/metadata/annotations")?.get(name)?.as_str().map(str::to_owned)
}

fn controller(object: &Value) -> Option<&Value> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

fn job_owner(pod: &Value) -> Option<String> {
    let owner = controller(pod)?;
    let says = |field| owner.get(field).and_then(Value::as_str);
    let is_job = says("kind") == Some("Job")
        && says("apiVersion").is_some_and(|version| version.starts_with("batch/"));
    says("uid").filter(|_| is_job).map(str::to_owned)
}
