//! What a resource type is called: group, version, kind, plural and scope.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A group, version and kind, as an object's `apiVersion` and `kind` say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version, as `v1`.
    pub version: Cow<'static, str>,
    /// The kind, as `Pod`.
    pub kind: Cow<'static, str>,
}

/// A group, version and plural resource name, as a URL path says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version, as `v1`.
    pub version: Cow<'static, str>,
    /// The plural, as `pods`.
    pub resource: Cow<'static, str>,
}

/// Whether objects of a type live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Objects belong to a namespace.
    Namespaced,
    /// Objects belong to the cluster.
    Cluster,
}

/// Everything a client needs to address one resource type.
///
/// Equality and order are by group, version, plural, kind and scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceType {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version, as `v1`.
    pub version: Cow<'static, str>,
    /// The plural, as `pods`.
    pub plural: Cow<'static, str>,
    /// The kind, as `Pod`.
    pub kind: Cow<'static, str>,
    /// Whether objects live in namespaces.
    pub scope: Scope,
}

/// `group/version`, or `version` alone for the core group: the text of `apiVersion`.
#[must_use]
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Splits an `apiVersion` into group and version; the group of `v1` is empty.
#[must_use]
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

impl GroupVersionKind {
    /// From owned or static parts.
    pub fn new(
        group: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
        kind: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// The text of `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }
}

impl GroupVersionResource {
    /// From owned or static parts.
    pub fn new(
        group: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
        resource: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { group: group.into(), version: version.into(), resource: resource.into() }
    }
}

impl fmt::Display for GroupVersionResource {
    /// `jobs.batch/v1`; `pods/v1` for the core group.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(formatter, ".{}", self.group)?;
        }
        write!(formatter, "/{}", self.version)
    }
}

impl ResourceType {
    /// A namespaced type of the given static names.
    #[must_use]
    pub const fn namespaced(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self::fixed(group, version, plural, kind, Scope::Namespaced)
    }

    /// A cluster-scoped type of the given static names.
    #[must_use]
    pub const fn cluster(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self::fixed(group, version, plural, kind, Scope::Cluster)
    }

    const fn fixed(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
        scope: Scope,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            scope,
        }
    }

    /// The text of `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Group, version and kind.
    #[must_use]
    pub fn group_version_kind(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.group.clone(), self.version.clone(), self.kind.clone())
    }

    /// Group, version and plural.
    #[must_use]
    pub fn group_version_resource(&self) -> GroupVersionResource {
        GroupVersionResource::new(self.group.clone(), self.version.clone(), self.plural.clone())
    }

    /// Whether objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// The URL path of the collection: across all namespaces when `namespace` is `None`.
    ///
    /// `/api/v1/namespaces/default/pods`, `/apis/batch/v1/jobs`.
    #[must_use]
    pub fn collection_path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let prefix = format!("{root}/{}", self.api_version());
        match namespace {
            Some(namespace) if self.is_namespaced() => {
                format!("{prefix}/namespaces/{namespace}/{}", self.plural)
            }
            _ => format!("{prefix}/{}", self.plural),
        }
    }

    /// The URL path of one object.
    #[must_use]
    pub fn object_path(&self, key: &crate::ObjectKey) -> String {
        format!("{}/{}", self.collection_path(key.namespace()), key.name)
    }
}

impl fmt::Display for ResourceType {
    /// `jobs.batch/v1`, as [`GroupVersionResource`].
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.group_version_resource().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectKey;

    #[test]
    fn paths_of_core_and_named_groups_in_both_scopes() {
        let (jobs, nodes) = (
            ResourceType::namespaced("batch", "v1", "jobs", "Job"),
            ResourceType::cluster("", "v1", "nodes", "Node"),
        );
        assert_eq!(jobs.collection_path(None), "/apis/batch/v1/jobs");
        assert_eq!(
            jobs.object_path(&ObjectKey::new("default", "hello")),
            "/apis/batch/v1/namespaces/default/jobs/hello"
        );
        assert_eq!(nodes.object_path(&ObjectKey::cluster("n1")), "/api/v1/nodes/n1");
        assert_eq!((jobs.to_string(), nodes.to_string()), ("jobs.batch/v1".into(), "nodes/v1".into()));
        assert_eq!((split_api_version("batch/v1"), split_api_version("v1")), (("batch", "v1"), ("", "v1")));
    }
}
