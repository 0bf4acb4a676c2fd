//! From a manifest to grants.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Grant, GrantTarget, ManifestError, ServiceAccount};
use crate::User;
use crate::access::Binding;

/// What the roles of a manifest grant that are bound in it to `account`, by its name or as one of a group.
pub(super) fn grants(account: &ServiceAccount, manifest: &str) -> Result<BTreeSet<Grant>, ManifestError> {
    let objects = crate::manifest::objects(manifest).map_err(|why| ManifestError::Syntax { why })?;
    let objects: Vec<Value> = objects.into_iter().map(in_namespace).collect();
    let user = User::service_account(&account.namespace, &account.name).let_in();
    let mut grants = BTreeSet::new();
    for object in &objects {
        let binding = Binding::of(object);
        let place = match text(&object["kind"]) {
            "ClusterRoleBinding" => None,
            "RoleBinding" => Some(binding.namespace.clone()),
            _ => continue,
        };
        if binding.subject_of(&user).is_none() {
            continue;
        }
        let (kind, name) = (&*binding.role_kind, &*binding.role_name);
        let is_role = |object: &&Value| {
            let here = kind == "ClusterRole" || object["metadata"]["namespace"].as_str() == place.as_deref();
            object["kind"] == kind && object["metadata"]["name"] == name && here
        };
        let role = objects.iter().find(is_role).ok_or_else(|| ManifestError::UnknownRole {
            binding: format!("{} {}", text(&object["kind"]), binding.name),
            role: format!("{kind} {name}"),
        })?;
        for rule in role["rules"].as_array().into_iter().flatten() {
            grants.extend(of_rule(rule, place.as_ref()));
        }
    }
    Ok(grants)
}

/// A role or binding in the namespace where it is created if it names none.
fn in_namespace(mut object: Value) -> Value {
    if matches!(text(&object["kind"]), "Role" | "RoleBinding")
        && text(&object["metadata"]["namespace"]).is_empty()
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.insert("namespace".into(), "default".into());
    }
    object
}

fn of_rule(rule: &Value, place: Option<&String>) -> Vec<Grant> {
    let words = |field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().map(|word| text(word).to_owned()).collect()
    };
    let names = words("resourceNames");
    let names: Vec<_> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let mut targets: Vec<GrantTarget> = words("nonResourceURLs").into_iter().map(GrantTarget::Path).collect();
    for group in words("apiGroups") {
        for resource in words("resources") {
            targets.extend(names.iter().map(|name| GrantTarget::Resource {
                group: group.clone(),
                resource: resource.clone(),
                name: name.clone(),
            }));
        }
    }
    let verbs = words("verbs");
    let grants = targets.into_iter().flat_map(|target| {
        verbs.iter().map(move |verb| Grant {
            namespace: place.cloned(),
            target: target.clone(),
            verb: verb.clone(),
        })
    });
    grants.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
