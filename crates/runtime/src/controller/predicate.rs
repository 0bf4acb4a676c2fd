//! Ready-made predicates, and how to combine them: for [`ControllerBuilder::predicate`], [`owns_where`] and
//! [`watches_where`]. Any function of a [`Change`] is one.
//!
//! ```
//! use pilothouse::Controller;
//! use pilothouse::controller::predicate::{Predicate as _, annotations_changed, generation_changed};
//! # use k8s_openapi::api::apps::v1::Deployment;
//! let builder = Controller::of::<Deployment>().predicate(generation_changed.or(annotations_changed));
//! ```
//!
//! **Guarantees.** A predicate is not asked about deletions, and what it says of an object that is new to the cache is
//! that it is wanted, for all functions here. None of them lets resyncs through. Whoever filters must know that the
//! filter sees what the cache saw: changes between two lists come as one.
//!
//! [`ControllerBuilder::predicate`]: super::ControllerBuilder::predicate
//! [`owns_where`]: super::ControllerBuilder::owns_where
//! [`watches_where`]: super::ControllerBuilder::watches_where

use serde_json::Value;

use crate::cache::CachedObject;
use crate::{Change, ChangeKind};

/// Whether the desired state changed: `metadata.generation` differs, or the object is new, replaced or being
/// deleted. Changes of status, labels and annotations do not count, nor do resyncs. Kinds without a generation
/// (`ConfigMap`, `Secret`, `Service`, `Node`) need [`content_changed`].
pub fn generation_changed(change: &Change) -> bool {
    let (kind, now) = (change.kind, change.object.header());
    match &change.previous {
        Some(before) if kind == ChangeKind::Updated => {
            let before = before.header();
            now.generation != before.generation || now.uid != before.uid || now.deleting != before.deleting
        }
        _ => kind != ChangeKind::Resync,
    }
}

/// Whether the labels changed, or the object is new. Resyncs do not count.
pub fn labels_changed(change: &Change) -> bool {
    differs(change, |before, now| before.labels() != now.labels())
}

/// Whether the annotations changed, or the object is new. Resyncs do not count. Parses both texts.
pub fn annotations_changed(change: &Change) -> bool {
    differs(change, |before, now| annotations(before) != annotations(now))
}

/// Whether the object was written, or is new: all but resyncs and what a new list repeats.
pub fn resource_version_changed(change: &Change) -> bool {
    differs(change, |before, now| before.resource_version() != now.resource_version())
}

/// Whether anything but the status and the server's bookkeeping (`resourceVersion`, `generation`, `managedFields`)
/// changed, or the object is new. Resyncs do not count. A field that is `null` counts as one that is not there. Works
/// for all kinds, also for those without a generation. Parses both texts: dearer than the others.
pub fn content_changed(change: &Change) -> bool {
    differs(change, |before, now| content(before) != content(now))
}

fn differs(change: &Change, differs: impl Fn(&CachedObject, &CachedObject) -> bool) -> bool {
    match (&change.previous, change.kind) {
        (_, ChangeKind::Resync) => false,
        (Some(before), ChangeKind::Updated) => {
            before.uid() != change.object.uid() || differs(before, &change.object)
        }
        _ => true,
    }
}

fn annotations(object: &CachedObject) -> Option<Value> {
    let mut object = object.to_value();
    match object.pointer_mut("/metadata/annotations").map(Value::take) {
        None | Some(Value::Null) => None,
        Some(Value::Object(none)) if none.is_empty() => None,
        some => some,
    }
}

fn content(object: &CachedObject) -> Value {
    let mut object = object.to_value();
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for bookkeeping in ["resourceVersion", "generation", "managedFields"] {
                metadata.remove(bookkeeping);
            }
        }
    }
    drop_nulls(&mut object);
    object
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A predicate that can be combined with others. Implemented by every function of a change.
pub trait Predicate: Fn(&Change) -> bool + Send + Sync + Sized + 'static {
    /// Both want the change.
    fn and(self, other: impl Predicate) -> impl Predicate {
        move |change: &Change| self(change) && other(change)
    }

    /// One of them wants the change.
    fn or(self, other: impl Predicate) -> impl Predicate {
        move |change: &Change| self(change) || other(change)
    }

    /// This one does not want the change, which is no resync: also of an object that is new.
    fn negated(self) -> impl Predicate {
        move |change: &Change| change.kind != ChangeKind::Resync && !self(change)
    }
}

impl<F: Fn(&Change) -> bool + Send + Sync + Sized + 'static> Predicate for F {}

#[cfg(test)]
#[path = "predicate_tests.rs"]
mod tests;
