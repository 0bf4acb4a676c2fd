//! From grants to a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Grant, GrantTarget, Permissions, ServiceAccount};

type Words = BTreeSet<String>;

/// The account, then for all namespaces and for each namespace a role and its binding.
pub(super) fn manifest(permissions: &Permissions) -> String {
    let ServiceAccount { namespace, name } = &permissions.account;
    let mut text = String::from("# Written from the requests that the tests made the program send.\n");
    let _ = writeln!(
        text,
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {}\n  namespace: {}",
        quoted(name),
        quoted(namespace)
    );
    let mut places: BTreeMap<Option<&str>, Vec<&Grant>> = BTreeMap::new();
    for grant in permissions.grants() {
        places.entry(grant.namespace.as_deref()).or_default().push(grant);
    }
    for (place, grants) in places {
        write_role(&mut text, &permissions.account, place, &grants);
    }
    text
}

fn write_role(text: &mut String, account: &ServiceAccount, place: Option<&str>, grants: &[&Grant]) {
    let ServiceAccount { namespace, name } = account;
    let kind = if place.is_some() { "Role" } else { "ClusterRole" };
    let mut metadata = format!("metadata:\n  name: {}\n", quoted(name));
    if let Some(place) = place {
        let _ = writeln!(metadata, "  namespace: {}", quoted(place));
    }
    let head =
        |kind: &str| format!("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n{metadata}");
    text.push_str(&head(kind));
    text.push_str("rules:\n");
    for rule in rules(grants) {
        text.push_str(&rule);
    }
    text.push_str(&head(&format!("{kind}Binding")));
    let _ = writeln!(
        text,
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {name}\nsubjects:\n  \
         - kind: ServiceAccount\n    name: {name}\n    namespace: {}",
        quoted(namespace),
        name = quoted(name),
    );
}

/// The rules: resources of one group that are granted alike share one.
fn rules(grants: &[&Grant]) -> Vec<String> {
    let mut verbs_of: BTreeMap<(&str, &str, Option<&str>), Words> = BTreeMap::new();
    let mut paths_of: BTreeMap<&str, Words> = BTreeMap::new();
    for Grant { target, verb, .. } in grants {
        let verbs = match target {
            GrantTarget::Resource { group, resource, name } => {
                verbs_of.entry((group, resource, name.as_deref())).or_default()
            }
            GrantTarget::Path(path) => paths_of.entry(path).or_default(),
        };
        verbs.insert(verb.clone());
    }
    let mut names_of: BTreeMap<(&str, &str, bool, Words), Words> = BTreeMap::new();
    for ((group, resource, name), verbs) in verbs_of {
        let names = names_of.entry((group, resource, name.is_some(), verbs)).or_default();
        names.extend(name.map(str::to_owned));
    }
    let mut resources_of: BTreeMap<(&str, Words, Words), Words> = BTreeMap::new();
    for ((group, resource, _, verbs), names) in names_of {
        resources_of.entry((group, names, verbs)).or_default().insert(resource.to_owned());
    }
    let mut rules: Vec<_> = resources_of
        .into_iter()
        .map(|((group, names, verbs), resources)| (group, resources, names, verbs))
        .collect();
    rules.sort();
    let mut written: Vec<String> = rules
        .iter()
        .map(|(group, resources, names, verbs)| {
            let names = if names.is_empty() { String::new() } else { line("resourceNames", names) };
            let group = list(std::iter::once(*group));
            format!("  - apiGroups: {group}\n{}{names}{}", line("resources", resources), line("verbs", verbs))
        })
        .collect();
    written.extend(paths_of.iter().map(|(path, verbs)| {
        format!("  - nonResourceURLs: {}\n{}", list(std::iter::once(*path)), line("verbs", verbs))
    }));
    written
}

fn line(name: &str, words: &Words) -> String {
    format!("    {name}: {}\n", list(words.iter().map(String::as_str)))
}

fn list<'word>(words: impl Iterator<Item = &'word str>) -> String {
    format!("[{}]", words.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A string of JSON is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
