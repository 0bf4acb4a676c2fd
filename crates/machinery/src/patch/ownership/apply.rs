//! Server-side apply.

use serde_json::{Value, json};

use super::display::joined;
use super::entry::{Entry, Operation, entries_of, stripped, write};
use super::error::{ApplyError, FieldConflict};
use super::field_set::FieldSet;
use super::field_write::FieldWrite;
use super::merge::{check, merged, storable};
use super::update::{filled, seconds};
use super::view::View;
use super::walk::{difference, fields_of, with_declared, without};
use crate::schema::MessageType;

const BEFORE: &str = "before-first-apply";

/// Applies a configuration to an object, or makes the object of it when there is none; gives the new object with its
/// `managedFields`.
///
/// The manager comes to own what the configuration sets; what it set before and no longer does is removed unless
/// another manager owns it; a field that another manager owns with another value is a conflict, or is taken with
/// `force`. An object whose fields nobody tracked is first given to `before-first-apply`. When nothing changes the
/// result equals `live`. Null in the configuration is as if the field were absent.
///
/// `message` is the object's type; without it (a custom resource of unknown type) objects are merged by field and lists
/// replaced. The identity of the object, admission, defaults and validation are the caller's; so is refusing a
/// configuration that has `managedFields`.
///
/// # Errors
///
/// [`ApplyError::Type`] when the configuration does not fit the type, [`ApplyError::Conflicts`] without `force`.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    force: bool,
    by: &FieldWrite<'_>,
    message: Option<&MessageType>,
) -> Result<Value, ApplyError> {
    if !applied.is_object() {
        return Err(ApplyError::NotAnObject);
    }
    let view = View::root(message);
    let applied = stripped(applied);
    check(&applied, view, "")?;
    let applied = storable(&applied, message);
    let mut entries = live.map(entries_of).unwrap_or_default();
    let base = live.map_or_else(|| json!({}), stripped);
    if live.is_some() && entries.is_empty() {
        entries.extend(first_owner(&base, by, message));
    }
    let mine = |entry: &Entry| {
        entry.operation == Operation::Apply
            && entry.manager == by.manager
            && entry.subresource == by.subresource
    };
    let last = entries.iter().position(mine).map(|index| entries.remove(index));
    let fields = fields_of(&applied, view).without(by.ignored);
    let mut object = merged(Some(&base), &applied, view);
    if let Some(last) = &last {
        let managed = entries.iter().fold(fields.clone(), |all, entry| all.union(&entry.fields));
        object = pruned(&object, &last.fields, &managed, view);
    }
    settle(&mut entries, &base, &object, force, by, message)?;
    let fields = fields.without_identity();
    let unchanged = object == base && last.as_ref().is_some_and(|last| last.fields == fields);
    entries.push(Entry {
        manager: by.manager.to_owned(),
        operation: Operation::Apply,
        api_version: by.api_version.to_owned(),
        subresource: by.subresource.to_owned(),
        time: match last {
            Some(last) if unchanged => last.time,
            _ => Some(seconds(by.now)),
        },
        fields,
    });
    write(&mut object, entries);
    Ok(object)
}

/// The entry of an object whose fields nobody tracked.
fn first_owner(base: &Value, by: &FieldWrite<'_>, message: Option<&MessageType>) -> Option<Entry> {
    let empty = json!({"apiVersion": base.get("apiVersion"), "kind": base.get("kind")});
    let (empty, base) = (filled(&empty, message), filled(base, message));
    let fields = difference(Some(&empty), Some(&base), View::root(message)).taken().without_identity();
    (!fields.is_empty()).then(|| Entry {
        manager: BEFORE.to_owned(),
        operation: Operation::Update,
        api_version: by.api_version.to_owned(),
        subresource: String::new(),
        time: Some(seconds(by.now)),
        fields,
    })
}

/// The merged object without what the manager gave up and nobody else owns.
fn pruned(object: &Value, last: &FieldSet, managed: &FieldSet, view: View<'_>) -> Value {
    let last = with_declared(last, view);
    let all = with_declared(&fields_of(object, view), view);
    let fields_left = |object: &Value| with_declared(&fields_of(object, view), view);
    // What is left without the last configuration, and what is owned, stays.
    let rest = fields_left(&without(object, &last, view));
    let owned = without(object, &all.difference(&rest.union(&with_declared(managed, view))), view);
    // What went only because it stood inside something that went is put back.
    let gone = all.difference(&fields_left(&owned)).intersection(&last);
    without(object, &gone, view)
}

/// Finds conflicts with the other managers and takes from them what changed.
fn settle(
    entries: &mut [Entry],
    base: &Value,
    object: &Value,
    force: bool,
    by: &FieldWrite<'_>,
    message: Option<&MessageType>,
) -> Result<(), ApplyError> {
    let (base, object) = (filled(base, message), filled(object, message));
    let change = difference(Some(&base), Some(&object), View::root(message));
    let (taken, removed) = (change.taken().without(by.ignored), change.removed.without(by.ignored));
    let mut conflicts = Vec::new();
    for entry in entries.iter() {
        for path in entry.fields.intersection(&taken).paths() {
            conflicts.push(FieldConflict { manager: entry.title(), field: joined(&path) });
        }
    }
    if !force && !conflicts.is_empty() {
        conflicts.sort_by(|a, b| (&a.manager, &a.field).cmp(&(&b.manager, &b.field)));
        return Err(ApplyError::Conflicts { conflicts });
    }
    for entry in entries {
        entry.fields = entry.fields.difference(&taken).difference(&removed);
    }
    Ok(())
}
