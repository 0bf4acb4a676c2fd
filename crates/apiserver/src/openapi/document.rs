//! The index and the documents, one for each group and version.

use pilothouse_machinery::resource::api_version;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{operations, schemas};
use crate::discovery::{GIT_VERSION, groups, hex};
use crate::registry::KindRegistry;

fn root_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{}", api_version(group, version)) }
}

/// The index: where the document of each group and version is. The address changes with the document.
pub(crate) fn index(registry: &KindRegistry) -> Value {
    let mut paths = Map::new();
    for group in groups(registry) {
        for (version, _) in &group.versions {
            let root = root_of(&group.name, version);
            if let Some(document) = document(registry, &root) {
                let digest = Sha256::digest(document.to_string().as_bytes());
                let hash = hex(&digest[..16]);
                let url = format!("/openapi/v3/{root}?hash={hash}");
                paths.insert(root, json!({"serverRelativeURL": url}));
            }
        }
    }
    json!({"paths": paths})
}

/// The document of the group and version at `root`, as `apis/batch/v1`.
pub(crate) fn document(registry: &KindRegistry, root: &str) -> Option<Value> {
    let groups = groups(registry);
    let versions = groups.iter().flat_map(|group| group.versions.iter().map(move |version| (group, version)));
    let (_, (_, kinds)) =
        versions.into_iter().find(|(group, (version, _))| root_of(&group.name, version) == root)?;
    let mut paths = Map::new();
    for kind in kinds {
        operations::of(kind, &mut paths);
    }
    let schemas = schemas::of(kinds.iter().map(std::convert::AsRef::as_ref));
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Pilothouse", "version": GIT_VERSION},
        "paths": paths, "components": {"schemas": schemas},
    }))
}
