//! Objects from a manifest.

use pilothouse_machinery::Status;
use serde_json::Value;

use crate::ApiServer;
use crate::verbs::{Author, create_object};

/// Why the objects of a manifest could not be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The manifest is no YAML.
    #[error("cannot read the manifest as YAML: {why}")]
    Syntax {
        /// What is wrong, and where.
        why: String,
    },
    /// The server serves no such type.
    #[error("cannot create {object}: the server does not know {api_version} {kind}")]
    UnknownKind {
        /// Namespace and name.
        object: String,
        /// The version, with its group.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// The server refuses an object.
    #[error("cannot create {kind} {object}")]
    Refused {
        /// Namespace and name.
        object: String,
        /// The kind.
        kind: String,
        /// Why.
        source: Box<Status>,
    },
}

impl InstallError {
    /// A stable word: `Syntax`, `UnknownKind` or `Refused`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "Syntax",
            Self::UnknownKind { .. } => "UnknownKind",
            Self::Refused { .. } => "Refused",
        }
    }
}

impl ApiServer {
    /// Creates the objects of a manifest (YAML, several documents or a `List`) in their order, as the administrator
    /// would with `kubectl create -f`. Ends with the first that fails; those before it stay. Namespaced objects
    /// without a namespace go to `default`.
    pub fn install(&self, manifest: &str) -> Result<(), InstallError> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(manifest)
            .map_err(|error| InstallError::Syntax { why: error.to_string() })?;
        for document in &documents {
            match document["items"].as_array() {
                Some(items) => items.iter().try_for_each(|item| self.install_one(item))?,
                None if document.is_null() => {}
                None => self.install_one(document)?,
            }
        }
        Ok(())
    }

    fn install_one(&self, object: &Value) -> Result<(), InstallError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let named = object["metadata"]["namespace"].as_str();
        let name = text(&object["metadata"]["name"]);
        let title = named.map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
        let kinds = self.registry().all();
        let known = kinds
            .iter()
            .find(|known| known.resource.kind == kind && known.resource.api_version() == api_version);
        let Some(known) = known else {
            return Err(InstallError::UnknownKind { object: title, api_version, kind });
        };
        let namespace = known.resource.is_namespaced().then_some(named.unwrap_or("default"));
        create_object(self, known, namespace, object.clone(), &Author::server(self))
            .map(drop)
            .map_err(|status| InstallError::Refused { object: title, kind, source: Box::new(status) })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    const MANIFEST: &str = "\
# two of them
apiVersion: v1
kind: Namespace
metadata: {name: system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: system}
---
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
";

    fn has(server: &ApiServer, plural: &str, namespace: &str, name: &str) -> bool {
        let kind = server.registry().get("", "v1", plural).unwrap();
        server.store().get(&kind, &pilothouse_machinery::ObjectKey::new(namespace, name)).is_some()
    }

    #[test]
    fn a_manifest_is_created_in_its_order_up_to_the_first_object_that_fails() {
        let server = ApiServer::builder().build();
        server.install(MANIFEST).unwrap();
        assert!(has(&server, "serviceaccounts", "system", "operator"));
        assert!(has(&server, "configmaps", "default", "a"));
        let error = server.install(&MANIFEST.replace("name: system}", "name: other}")).unwrap_err();
        assert_eq!(error.to_string(), "cannot create ServiceAccount system/operator");
        assert!(error.source().unwrap().to_string().contains("already exists"), "{error:?}");
        assert!(has(&server, "namespaces", "", "other"));
    }

    #[test]
    fn what_cannot_be_read_or_is_not_known_is_told() {
        let server = ApiServer::builder().build();
        assert_eq!(server.install("a: [").unwrap_err().reason(), "Syntax");
        let error = server.install("{apiVersion: v2, kind: Pod, metadata: {name: a}}").unwrap_err();
        assert_eq!(error.to_string(), "cannot create a: the server does not know v2 Pod");
        server.install("").unwrap();
    }
}
