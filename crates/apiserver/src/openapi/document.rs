//! The index and the documents, one for each group and version.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use pilothouse_machinery::resource::api_version;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{operations, schemas};
use crate::discovery::{GIT_VERSION, groups, hex};
use crate::kind::Kind;
use crate::registry::KindRegistry;

fn root_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{}", api_version(group, version)) }
}

/// The encoded documents.
#[derive(Debug)]
pub(super) struct Documents {
    /// Where the document of each group and version is. Its address changes with the document.
    pub(super) index: Bytes,
    /// The documents by their roots, as `apis/batch/v1`.
    pub(super) roots: BTreeMap<String, Bytes>,
}

/// The documents of everything served.
pub(super) fn documents(registry: &KindRegistry) -> Documents {
    let (mut paths, mut roots) = (Map::new(), BTreeMap::new());
    for group in groups(registry) {
        for (version, kinds) in &group.versions {
            let root = root_of(&group.name, version);
            let document = document(kinds).to_string();
            let hash = hex(&Sha256::digest(document.as_bytes())[..16]);
            let url = format!("/openapi/v3/{root}?hash={hash}");
            paths.insert(root.clone(), json!({"serverRelativeURL": url}));
            roots.insert(root, document.into());
        }
    }
    Documents { index: json!({"paths": paths}).to_string().into(), roots }
}

fn document(kinds: &[Arc<Kind>]) -> Value {
    let mut paths = Map::new();
    for kind in kinds {
        operations::of(kind, &mut paths);
    }
    let schemas = schemas::of(kinds.iter().map(AsRef::as_ref));
    json!({
        "openapi": "3.0.0", "info": {"title": "Pilothouse", "version": GIT_VERSION},
        "paths": paths, "components": {"schemas": schemas},
    })
}
