//! What follows from a definition being written or deleted: types appear, change and disappear.

use serde_json::{Value, json};

use super::resource::kind_of;
use crate::ApiServer;
use crate::kind::Kind;
use crate::kinds::field::{has_condition, list, text};

/// Serves what `new` defines and no longer what only `old` did. Names that another type has are refused.
pub(super) fn follow(server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
    match (old, new) {
        (Some(old), None) => withdraw(server, old),
        (old, Some(new)) if old.is_none_or(|old| old.get("spec") != new.get("spec")) => {
            let conflict = conflict_of(server, new);
            if conflict.is_none() {
                serve(server, old, new);
            }
            report(server, new, conflict.as_ref());
        }
        _ => {}
    }
}

fn kinds_of(definition: &Value) -> Vec<Kind> {
    let versions = list(definition, "/spec/versions").iter();
    let served = versions.filter(|version| version.get("served") == Some(&Value::Bool(true)));
    served.map(|version| kind_of(definition, version)).collect()
}

fn serve(server: &ApiServer, old: Option<&Value>, new: &Value) {
    let kinds = kinds_of(new);
    for gone in old.map(kinds_of).into_iter().flatten() {
        if !kinds.iter().any(|kind| kind.resource.version == gone.resource.version) {
            let resource = &gone.resource;
            server.registry().remove(&resource.group, &resource.version, &resource.plural);
        }
        server.store().end_watches(Some(&gone.storage_key()));
    }
    for kind in kinds {
        server.registry().add(kind);
    }
}

/// Deletes all instances, ends the watches and stops serving the type.
fn withdraw(server: &ApiServer, definition: &Value) {
    let served = has_condition(definition, "Established");
    for kind in kinds_of(definition).into_iter().filter(|_| served) {
        for object in server.store().snapshot(&kind).objects.values() {
            // Nobody else can write them any more once the loop got here: a lost race means already gone.
            let _ = server.store().remove(&kind, object.key(), object.revision());
        }
        let resource = &kind.resource;
        server.registry().remove(&resource.group, &resource.version, &resource.plural);
        server.store().end_watches(Some(&kind.storage_key()));
    }
}

/// Which name of `definition` another type of its group has, as reason and message of a condition.
fn conflict_of(server: &ApiServer, definition: &Value) -> Option<(&'static str, String)> {
    let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
    let others: Vec<_> = server.registry().all();
    let others: Vec<_> =
        others.iter().filter(|kind| kind.resource.group == group && kind.resource.plural != plural).collect();
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
    let registry = server.registry();
    let Some(kind) = registry.any_version("apiextensions.k8s.io", "customresourcedefinitions") else {
        return;
    };
    let key = pilothouse_machinery::ObjectKey::cluster(text(definition, "/metadata/name"));
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
