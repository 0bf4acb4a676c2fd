//! What follows from a definition being written or deleted: types appear, change and disappear.

use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, StatusReason};
use serde_json::{Value, json};

use super::resource::kind_of;
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds::field::{has_condition, list, map_under, text};
use crate::request::DeleteOptions;
use crate::verbs::{Author, Target, Update, delete_object, update_object};

/// Keeps a definition that is being deleted while there are objects of its type.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Serves what is defined and no longer what only `old` did. Names that another type has are refused. Of a definition
/// that is being deleted the objects go first.
pub(super) fn follow(server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
    let Some(new) = new else {
        if let Some(old) = old {
            withdraw(server, old);
        }
        return;
    };
    let differs = |member: &str| old.is_none_or(|old| old.get(member) != new.get(member));
    let ends = is_terminating(new) && !old.is_some_and(is_terminating);
    if differs("spec") || ends {
        let conflict = {
            let _serving = server.registry().serving.lock();
            // Another write may have come in between: what is served is what is stored.
            let stored = stored(server, text(new, "/metadata/name"));
            let Some(definition) =
                stored.filter(|stored| stored["metadata"]["uid"] == new["metadata"]["uid"])
            else {
                return;
            };
            let conflict = conflict_of(server, &definition);
            if conflict.is_none() {
                serve(server, &definition, old.is_none());
            }
            conflict
        };
        if differs("spec") {
            report(server, new, conflict.as_ref());
        }
    }
    if ends {
        delete_all(server, new);
        release(server, new);
    }
}

/// Marks a definition whose deletion begins: it stays until its objects are gone.
pub(super) fn mark(definition: &mut Value, server: &ApiServer) {
    let condition = json!({
        "type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
        "message": "CustomResource deletion is in progress", "lastTransitionTime": timestamp(server),
    });
    if let Some(status) = map_under(definition, &["status"]) {
        let conditions = status.entry("conditions").or_insert(Value::Null);
        let kept = conditions.as_array().into_iter().flatten();
        let kept = kept.filter(|condition| text(condition, "/type") != "Terminating");
        *conditions = kept.cloned().chain([condition]).collect();
    }
    if let Some(metadata) = map_under(definition, &["metadata"]) {
        let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(finalizers) = finalizers.as_array_mut()
            && !finalizers.iter().any(|finalizer| finalizer == CLEANUP)
        {
            finalizers.push(CLEANUP.into());
        }
    }
}

/// Looks whether the definition `name` waited for the object that is gone now.
pub(super) fn object_gone(server: &ApiServer, name: &str) {
    if let Some(definition) = stored(server, name).filter(is_terminating) {
        release(server, &definition);
    }
}

/// The kind of a definition that is being deleted, if it is served.
fn ending_kind(server: &ApiServer, definition: &Value) -> Option<Arc<Kind>> {
    let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
    server.registry().any_version(group, plural).filter(|kind| kind.custom && kind.terminating)
}

/// Deletes the objects of a type, each by its own rules.
fn delete_all(server: &ApiServer, definition: &Value) {
    let Some(kind) = ending_kind(server, definition) else { return };
    for object in server.store().snapshot(&kind).objects.values() {
        // One that cannot be deleted is gone already.
        _ = delete_object(server, &kind, object.key(), &DeleteOptions::default());
    }
}

/// Lets a definition go when no object of its type is left.
fn release(server: &ApiServer, definition: &Value) {
    let left = |kind: Arc<Kind>| !server.store().snapshot(&kind).objects.is_empty();
    if ending_kind(server, definition).is_some_and(left) {
        return;
    }
    let name = text(definition, "/metadata/name");
    let Some(kind) = definitions(server) else { return };
    let author = Author { subresource: Some("status"), ..Author::server(server) };
    let key = ObjectKey::cluster(name);
    let update = Update { kind: &kind, key, target: Target::Any, author, patches: true };
    let released = update_object(server, &update, &mut |old| {
        let mut new = old.clone();
        if let Some(finalizers) = new.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            finalizers.retain(|finalizer| finalizer != CLEANUP);
        }
        Ok(new)
    });
    match released {
        Err(status) if status.reason != StatusReason::NotFound => {
            tracing::error!(definition = name, error = %status, "cannot release a definition");
        }
        _ => {}
    }
}

fn is_terminating(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

fn definitions(server: &ApiServer) -> Option<Arc<Kind>> {
    server.registry().any_version("apiextensions.k8s.io", "customresourcedefinitions")
}

/// The definition of this name as it is now.
fn stored(server: &ApiServer, name: &str) -> Option<Value> {
    let kind = definitions(server)?;
    server.store().get(&kind, &ObjectKey::cluster(name)).map(|object| object.value(&kind))
}

fn kinds_of(definition: &Value) -> Vec<Kind> {
    let versions = list(definition, "/spec/versions").iter();
    let served = versions.filter(|version| version.get("served") == Some(&Value::Bool(true)));
    served.map(|version| kind_of(definition, version)).collect()
}

fn serve(server: &ApiServer, definition: &Value, is_new: bool) {
    let kinds = kinds_of(definition);
    let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
    for known in server.registry().versions(group, plural) {
        if !kinds.iter().any(|kind| kind.resource.version == known.resource.version) {
            server.registry().remove(group, &known.resource.version, plural);
        }
    }
    if let Some(kind) = kinds.first() {
        if is_new {
            // Of an earlier definition of the name, written while that one went.
            remove_all(server, kind);
        }
        if !kind.terminating {
            server.store().end_watches(&kind.storage_key());
        }
    }
    for kind in kinds {
        server.registry().add(kind);
    }
}

/// Ends the watches and stops serving the type.
fn withdraw(server: &ApiServer, definition: &Value) {
    let served = has_condition(definition, "Established");
    let _serving = server.registry().serving.lock();
    for kind in kinds_of(definition).into_iter().filter(|_| served) {
        remove_all(server, &kind);
        let resource = &kind.resource;
        server.registry().remove(&resource.group, &resource.version, &resource.plural);
        server.store().end_watches(&kind.storage_key());
    }
}

/// Removes all objects of a type, whatever keeps them.
fn remove_all(server: &ApiServer, kind: &Kind) {
    for object in server.store().snapshot(kind).objects.values() {
        // A lost race means already gone, or written by a request that began earlier; that one is found next time.
        _ = server.store().remove(kind, object.key(), object.revision());
    }
}

/// Which name of `definition` another type of its group has, as reason and message of a condition.
fn conflict_of(server: &ApiServer, definition: &Value) -> Option<(&'static str, String)> {
    let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
    let others: Vec<_> = server.registry().all();
    let others = others.iter().filter(|kind| kind.resource.group == group);
    let others: Vec<_> = others.filter(|kind| kind.resource.plural != plural || !kind.custom).collect();
    let taken = |name: &str| {
        others.iter().any(|kind| {
            kind.resource.plural == name
                || kind.singular == name
                || kind.short_names.iter().any(|short| short == name)
        })
    };
    let kind_taken =
        |name: &str| others.iter().any(|kind| kind.resource.kind == name || kind.list_kind == name);
    let name = |key: &str| text(definition, &format!("/spec/names/{key}"));
    let shorts = list(definition, "/spec/names/shortNames").iter().filter_map(Value::as_str);
    let mut checks = vec![
        (taken(plural), "PluralConflict", plural),
        (taken(name("singular")), "SingularConflict", name("singular")),
    ];
    checks.extend(shorts.map(|short| (taken(short), "ShortNamesConflict", short)));
    checks.push((kind_taken(name("kind")), "KindConflict", name("kind")));
    checks.push((kind_taken(name("listKind")), "ListKindConflict", name("listKind")));
    // Of several conflicts the last one is told.
    let (_, reason, name) = checks.into_iter().rev().find(|(taken, ..)| *taken)?;
    Some((reason, format!("{name:?} is already in use")))
}

/// Writes the outcome into the definition's status.
fn report(server: &ApiServer, definition: &Value, conflict: Option<&(&'static str, String)>) {
    let Some(kind) = definitions(server) else { return };
    let key = ObjectKey::cluster(text(definition, "/metadata/name"));
    let now = timestamp(server);
    let condition = |type_name: &str, status: &str, reason: &str, message: &str| {
        let mut condition =
            json!({"type": type_name, "status": status, "reason": reason, "message": message});
        condition["lastTransitionTime"] = now.as_str().into();
        condition
    };
    let conditions = match conflict {
        None => json!([
            condition("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
            condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
        ]),
        Some((reason, message)) => json!([
            condition("NamesAccepted", "False", reason, message),
            condition("Established", "False", "NotAccepted", "not all names are accepted"),
        ]),
    };
    // Written against what is stored now: a concurrent writer's change stays.
    while let Some(stored) = server.store().get(&kind, &key) {
        let mut object = stored.value(&kind);
        let established = has_condition(&object, "Established");
        let status = &mut object["status"];
        if conflict.is_none() {
            status["acceptedNames"] = definition.pointer("/spec/names").cloned().unwrap_or(Value::Null);
        }
        if !(established && conflict.is_none()) {
            status["conditions"] = conditions.clone();
        }
        if stored.value(&kind) == object
            || server.store().put(&kind, &key, Some(stored.revision()), &mut object).is_ok()
        {
            return;
        }
    }
}

fn timestamp(server: &ApiServer) -> String {
    server.environment().now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
