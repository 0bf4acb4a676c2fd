//! Objects from a manifest.

use pilothouse_machinery::Status;
use serde_json::Value;

use crate::ApiServer;
use crate::fields::check_body;
use crate::request::FieldValidation;
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
    /// would with `kubectl create -f`: an unknown field or one of the wrong type is refused. Ends with the first that
    /// fails; those before it stay. Namespaced objects without a namespace go to `default`.
    pub fn install(&self, manifest: &str) -> Result<(), InstallError> {
        let objects = crate::manifest::objects(manifest).map_err(|why| InstallError::Syntax { why })?;
        objects.into_iter().try_for_each(|object| self.install_one(object))
    }

    fn install_one(&self, mut object: Value) -> Result<(), InstallError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let named = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let name = text(&object["metadata"]["name"]);
        let title = named.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
        let kinds = self.registry().all();
        let known = kinds
            .iter()
            .find(|known| known.resource.kind == kind && known.resource.api_version() == api_version);
        let Some(known) = known else {
            return Err(InstallError::UnknownKind { object: title, api_version, kind });
        };
        let namespace = known.resource.is_namespaced().then_some(named.as_deref().unwrap_or("default"));
        check_body(known, &mut object, Vec::new(), FieldValidation::Strict)
            .and_then(|_| create_object(self, known, namespace, object, &Author::server(self)))
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
    fn what_does_not_have_the_shape_of_its_type_is_refused() {
        const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  paused: true
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
";
        let server = ApiServer::builder().build();
        for (right, wrong, words) in [
            ("replicas: 3", "replicas: \"3\"", "replicas"),
            ("paused: true", "paused: yes", "paused"),
            ("paused", "pausde", "unknown field \"spec.pausde\""),
        ] {
            let error = server.install(&DEPLOYMENT.replace(right, wrong)).unwrap_err();
            assert_eq!(error.to_string(), "cannot create Deployment web");
            assert!(error.source().unwrap().to_string().contains(words), "{error:?}");
        }
        server.install(DEPLOYMENT).unwrap();
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
