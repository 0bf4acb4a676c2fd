//! The object that failed, as far as it is kept, and what counts as a change of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cache::CachedObject;
use crate::ledger::{LedgerRecord, Seen};
use crate::{Change, ChangeKind};

/// How many bytes of labels are kept.
const LABEL_BYTES: usize = 1024;

/// What is kept of an object beside its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) uid: Arc<str>,
    pub(super) seen: Seen,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

impl Subject {
    pub(super) fn of(object: &CachedObject) -> Self {
        let header = object.header();
        let size: usize = header.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let labels = header.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            uid: header.uid.to_string().into(),
            seen: Seen {
                resource_version: header.resource_version.to_string(),
                generation: header.generation,
            },
            labels: (size <= LABEL_BYTES).then(|| labels.collect()),
        }
    }
}

/// Whether the object in the cache is not what it was when it failed: another one, gone, or changed.
pub(super) fn has_changed(record: &LedgerRecord, now: Option<&CachedObject>) -> bool {
    let Some(now) = now else { return is_replaced(record, None) };
    if is_replaced(record, Some(now)) {
        return true;
    }
    let now = Subject::of(now);
    if record.seen.generation == 0 {
        return record.seen.resource_version != now.seen.resource_version;
    }
    let is_relabelled = record.labels.is_some() && record.labels != now.labels;
    record.seen.generation != now.seen.generation || is_relabelled
}

/// Whether the object in the cache is not the one that failed.
pub(super) fn is_replaced(record: &LedgerRecord, now: Option<&CachedObject>) -> bool {
    match now {
        Some(object) => *object.uid() != *record.identity.uid,
        None => !record.identity.uid.is_empty(),
    }
}

/// Whether a change of a reconciled object is more than one of its status.
pub(super) fn is_own_change(change: &Change) -> bool {
    let Some(before) = &change.previous else { return true };
    if change.kind == ChangeKind::Deleted {
        return true;
    }
    let (was, is) = (before.header(), change.object.header());
    if was.uid != is.uid || was.deleting != is.deleting || was.generation != is.generation {
        return true;
    }
    if is.generation == 0 {
        return !before.is_same_version(&change.object);
    }
    was.labels != is.labels || annotations(before) != annotations(&change.object)
}

fn annotations(object: &CachedObject) -> Option<serde_json::Value> {
    object.to_value().pointer("/metadata/annotations").cloned()
}
