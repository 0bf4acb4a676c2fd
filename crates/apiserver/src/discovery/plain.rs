//! Discovery document by document, as clients did it before 1.27 and as `kubectl auth can-i` still does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pilothouse_machinery::resource::api_version;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Group, singular_of, subresources_of, verbs_of};
use crate::kind::Kind;

/// The answer to `/api`.
pub(super) fn core_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// The answer to `/apis`.
pub(super) fn group_list(groups: &[Group]) -> Value {
    let groups: Vec<_> = groups.iter().filter(|group| !group.name.is_empty()).map(fields).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// The answer to `/apis/GROUP`.
pub(super) fn group(group: &Group) -> Value {
    let mut answer = fields(group);
    answer["kind"] = "APIGroup".into();
    answer["apiVersion"] = "v1".into();
    answer
}

fn fields(group: &Group) -> Value {
    let version = |(version, _): &(String, _)| {
        let group_version = api_version(&group.name, version);
        json!({"groupVersion": group_version, "version": version})
    };
    let versions: Vec<_> = group.versions.iter().map(version).collect();
    json!({"name": group.name, "preferredVersion": versions.first(), "versions": versions})
}

/// The answer to `/api/v1` and `/apis/GROUP/VERSION`.
pub(super) fn resource_list<'a>(
    group: &str,
    version: &str,
    kinds: impl IntoIterator<Item = &'a Kind>,
) -> Value {
    let resources: Vec<_> = kinds.into_iter().flat_map(resources).collect();
    let group_version = api_version(group, version);
    let mut answer =
        json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources});
    // The oldest document of all has no apiVersion.
    if !group.is_empty() {
        answer["apiVersion"] = "v1".into();
    }
    answer
}

fn resources(kind: &Kind) -> Vec<Value> {
    let resource = &kind.resource;
    let mut own = json!({
        "name": resource.plural, "singularName": singular_of(kind), "namespaced": resource.is_namespaced(),
        "kind": resource.kind, "verbs": verbs_of(kind), "storageVersionHash": storage_version_hash(kind),
    });
    if !kind.short_names.is_empty() {
        own["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        own["categories"] = json!(kind.categories);
    }
    let mut found = vec![own];
    for subresource in subresources_of(kind) {
        let (group, version, answers) = subresource.answers;
        let mut entry = json!({
            "name": format!("{}/{}", resource.plural, subresource.name), "singularName": "",
            "namespaced": resource.is_namespaced(), "kind": answers, "verbs": subresource.verbs,
        });
        if (group.as_str(), version.as_str()) != (&*resource.group, &*resource.version) {
            (entry["group"], entry["version"]) = (group.into(), version.into());
        }
        found.push(entry);
    }
    found
}

/// Changes when objects come to be stored in another version: the first 8 bytes of a SHA-256.
fn storage_version_hash(kind: &Kind) -> String {
    let resource = &kind.resource;
    let name = format!("{}/{}/{}", resource.group, resource.version, resource.kind);
    STANDARD.encode(&Sha256::digest(name.as_bytes())[..8])
}
