//! The resource types that a server has.

use std::borrow::Cow;

use pilothouse::{Client, ClientError};
use pilothouse_machinery::{ResourceType, Scope, resource::split_api_version};
use serde::Deserialize;
use serde_json::Value;

/// A type and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedType {
    pub(crate) resource: ResourceType,
    verbs: Vec<String>,
}

impl ServedType {
    pub(crate) fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// What discovery found, each type in the version that its group prefers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) types: Vec<ServedType>,
    /// Group versions that could not be read, and why.
    pub(crate) failures: Vec<String>,
}

#[derive(Deserialize)]
struct GroupList {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    namespaced: bool,
    kind: String,
    #[serde(default)]
    verbs: Vec<String>,
}

impl Discovery {
    /// Asks the server. Fails where the list of groups cannot be read; single groups that fail are reported in
    /// [`failures`](Self::failures).
    pub(crate) async fn read(client: &Client) -> Result<Self, ClientError> {
        let mut discovery = Self::default();
        discovery.add(client, "v1", "/api/v1").await;
        let groups: GroupList =
            parse(client.get_json("/apis").await?).unwrap_or(GroupList { groups: Vec::new() });
        for group in groups.groups {
            let preferred = group.preferred_version.into_iter();
            let mut versions: Vec<String> = Vec::new();
            for version in preferred.chain(group.versions) {
                if !versions.contains(&version.group_version) {
                    versions.push(version.group_version);
                }
            }
            for version in versions {
                discovery.add(client, &version, &format!("/apis/{version}")).await;
            }
        }
        Ok(discovery)
    }

    async fn add(&mut self, client: &Client, group_version: &str, path: &str) {
        let list = match client.get_json(path).await {
            Ok(list) => list,
            // The group went away between the two requests.
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.failures.push(format!("{group_version}: {error}")),
        };
        let Some(ResourceList { resources }) = parse(list) else {
            return self.failures.push(format!("{group_version}: the answer is no list of resources"));
        };
        let (group, version) = split_api_version(group_version);
        for resource in resources.into_iter().filter(|resource| !resource.name.contains('/')) {
            let is_known = self
                .types
                .iter()
                .any(|known| known.resource.group == group && known.resource.plural == resource.name);
            if !is_known {
                let scope = if resource.namespaced { Scope::Namespaced } else { Scope::Cluster };
                let resource_type = ResourceType {
                    group: Cow::Owned(group.to_owned()),
                    version: Cow::Owned(version.to_owned()),
                    plural: Cow::Owned(resource.name),
                    kind: Cow::Owned(resource.kind),
                    scope,
                };
                self.types.push(ServedType { resource: resource_type, verbs: resource.verbs });
            }
        }
    }

    /// The type of this kind, in whatever version.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<&ResourceType> {
        let (group, _) = split_api_version(api_version);
        let mut types = self.types.iter().map(|served| &served.resource);
        types.find(|resource| resource.group == group && resource.kind == kind)
    }
}

fn parse<T: for<'de> Deserialize<'de>>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}
