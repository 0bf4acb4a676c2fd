//! From a manifest to grants.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Grant, GrantTarget, ManifestError, ServiceAccount};

/// What the roles of a manifest grant that are bound to `account` in it.
pub(super) fn grants(account: &ServiceAccount, manifest: &str) -> Result<BTreeSet<Grant>, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest)
        .map_err(|error| ManifestError::Syntax { why: error.to_string() })?;
    let objects: Vec<&Value> = documents.iter().flat_map(objects).collect();
    let mut grants = BTreeSet::new();
    for binding in objects.iter().filter(|object| is_to(account, object)) {
        let place = match text(&binding["kind"]) {
            "ClusterRoleBinding" => None,
            "RoleBinding" => Some(text(&binding["metadata"]["namespace"]).to_owned()),
            _ => continue,
        };
        let (kind, name) = (text(&binding["roleRef"]["kind"]), text(&binding["roleRef"]["name"]));
        let is_role = |object: &&&Value| {
            let here = kind == "ClusterRole" || object["metadata"]["namespace"].as_str() == place.as_deref();
            object["kind"] == kind && object["metadata"]["name"] == name && here
        };
        let role = objects.iter().find(is_role).ok_or_else(|| ManifestError::UnknownRole {
            binding: format!("{} {}", text(&binding["kind"]), text(&binding["metadata"]["name"])),
            role: format!("{kind} {name}"),
        })?;
        for rule in role["rules"].as_array().into_iter().flatten() {
            grants.extend(of_rule(rule, place.as_ref()));
        }
    }
    Ok(grants)
}

/// A document, or the items of a `List`.
fn objects(document: &Value) -> Vec<&Value> {
    document["items"].as_array().map_or_else(|| vec![document], |items| items.iter().collect())
}

fn is_to(account: &ServiceAccount, object: &Value) -> bool {
    object["subjects"].as_array().into_iter().flatten().any(|subject| {
        subject["kind"] == "ServiceAccount"
            && subject["name"] == *account.name
            && subject["namespace"] == *account.namespace
    })
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
