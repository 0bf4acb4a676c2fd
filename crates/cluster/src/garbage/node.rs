//! What the garbage collector knows of one object.

use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion};
use serde::{Deserialize, Serialize};

/// The finalizer of an object that waits for its dependents to be deleted.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an object whose dependents are to lose their reference to it.
pub(crate) const ORPHAN: &str = "orphan";

/// An object in the owner graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) resource: ResourceType,
    pub(crate) key: ObjectKey,
    pub(crate) uid: Arc<str>,
    pub(crate) version: ResourceVersion,
    pub(crate) owners: Vec<Owner>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) is_deleting: bool,
}

/// An owner reference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Owner {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) uid: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) block_owner_deletion: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) controller: Option<bool>,
}

#[derive(Deserialize)]
struct Document {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: Arc<str>,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    owner_references: Option<Vec<Owner>>,
    #[serde(default)]
    finalizers: Option<Vec<String>>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

impl Node {
    /// Reads what matters from an object's JSON.
    pub(crate) fn read(
        resource: &ResourceType,
        key: &ObjectKey,
        json: &[u8],
    ) -> Result<Self, serde_json::Error> {
        let Document { metadata } = serde_json::from_slice(json)?;
        Ok(Self {
            resource: resource.clone(),
            key: key.clone(),
            uid: metadata.uid,
            version: ResourceVersion::parse(&metadata.resource_version),
            owners: metadata.owner_references.unwrap_or_default(),
            finalizers: metadata.finalizers.unwrap_or_default(),
            is_deleting: metadata.deletion_timestamp.is_some(),
        })
    }

    pub(crate) fn has_finalizer(&self, name: &str) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == name)
    }

    /// Whether it is being deleted after its dependents.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_deleting && self.has_finalizer(FOREGROUND)
    }

    /// Whether `owner` may not go before this object.
    pub(crate) fn blocks(&self, owner: &str) -> bool {
        let mut owners = self.owners.iter();
        owners.any(|reference| &*reference.uid == owner && reference.block_owner_deletion == Some(true))
    }
}
