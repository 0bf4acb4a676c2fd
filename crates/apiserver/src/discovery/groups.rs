//! The kinds of a registry, arranged as discovery shows them.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kind::Kind;
use crate::registry::KindRegistry;

/// An API group with its versions, the preferred one first.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) versions: Vec<(String, Vec<Arc<Kind>>)>,
}

/// All groups by name; the core group, whose name is empty, is the first.
pub(crate) fn groups(registry: &KindRegistry) -> Vec<Group> {
    let mut found: BTreeMap<String, BTreeMap<String, Vec<Arc<Kind>>>> = BTreeMap::new();
    for kind in registry.all() {
        let versions = found.entry(kind.resource.group.to_string()).or_default();
        versions.entry(kind.resource.version.to_string()).or_default().push(kind);
    }
    let group = |(name, versions): (String, BTreeMap<String, Vec<Arc<Kind>>>)| {
        let mut versions: Vec<_> = versions.into_iter().collect();
        versions.sort_by(|(one, _), (other, _)| by_priority(one, other));
        Group { name, versions }
    };
    found.into_iter().map(group).collect()
}

/// `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, then whatever is no such version, in text order.
fn by_priority(one: &str, other: &str) -> Ordering {
    match (parse_version(one), parse_version(other)) {
        (Some(one), Some(other)) => Reverse(one).cmp(&Reverse(other)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// Stability (2 is stable), major and minor number.
fn parse_version(text: &str) -> Option<(u8, u32, u32)> {
    let rest = text.strip_prefix('v')?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest[..digits].parse().ok()?;
    let (stability, minor) = match &rest[digits..] {
        "" => return Some((2, major, 0)),
        rest => match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(minor), _) => (1, minor),
            (_, Some(minor)) => (0, minor),
            _ => return None,
        },
    };
    Some((stability, major, minor.parse().ok()?))
}

/// What can be done with a kind, in the order in which a real server lists it.
pub(crate) fn verbs_of(kind: &Kind) -> &'static [&'static str] {
    if kind.create_only {
        &["create"]
    } else if kind.custom {
        &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    } else if kind.is("", "namespaces") {
        &["create", "delete", "get", "list", "patch", "update", "watch"]
    } else {
        &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }
}

/// The singular name.
pub(crate) fn singular_of(kind: &Kind) -> &str {
    &kind.singular
}

/// A subresource: its name, the group, version and kind of what it answers, its verbs.
pub(crate) struct Subresource {
    pub(crate) name: String,
    pub(crate) answers: (String, String, String),
    pub(crate) verbs: &'static [&'static str],
}

/// The subresources of a kind by name; a custom kind lists its status first, as a real server does.
pub(crate) fn subresources_of(kind: &Kind) -> Vec<Subresource> {
    const READ_WRITE: &[&str] = &["get", "patch", "update"];
    let resource = &kind.resource;
    let own = |name: &str| (resource.group.to_string(), resource.version.to_string(), name.to_owned());
    let mut found = Vec::new();
    if kind.status_subresource {
        let answers = own(&resource.kind);
        found.push(Subresource { name: "status".into(), answers, verbs: READ_WRITE });
    }
    if kind.scale.is_some() {
        let answers = ("autoscaling".into(), "v1".into(), "Scale".into());
        found.push(Subresource { name: "scale".into(), answers, verbs: READ_WRITE });
    }
    for name in &kind.subresources {
        let (answers, verbs): (_, &[&str]) = match name.as_ref() {
            "binding" => (own("Binding"), &["create"]),
            "token" => (("authentication.k8s.io".into(), "v1".into(), "TokenRequest".into()), &["create"]),
            "finalize" => (own(&resource.kind), &["update"]),
            _ => (own(&resource.kind), READ_WRITE),
        };
        found.push(Subresource { name: name.to_string(), answers, verbs });
    }
    if !kind.custom {
        found.sort_by(|one, other| one.name.cmp(&other.name));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first_then_beta_then_alpha_then_the_rest() {
        let mut versions = ["foo", "v1alpha1", "v1", "v1beta1", "v10", "v2", "v1beta2", "v11alpha2"];
        versions.sort_by(|one, other| by_priority(one, other));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v11alpha2", "v1alpha1", "foo"]);
    }
}
