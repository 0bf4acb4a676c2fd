//! Whether a namespace takes new objects.

use pilothouse_machinery::{ObjectKey, Status, StatusCause};

use super::metadata;
use crate::ApiServer;
use crate::kind::Kind;

/// Namespaces that cannot be deleted.
pub(super) const PERMANENT: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Refuses a new object in a namespace that does not exist or is being deleted.
pub(super) fn check_namespace(
    server: &ApiServer,
    kind: &Kind,
    namespace: Option<&str>,
    name: &str,
) -> Result<(), Status> {
    let Some(namespace) = namespace.filter(|_| kind.resource.is_namespaced()) else { return Ok(()) };
    let Some(namespaces) = server.registry().get("", "v1", "namespaces") else { return Ok(()) };
    let found = server.store().get(&namespaces, &ObjectKey::cluster(namespace));
    let found = found.ok_or_else(|| Status::not_found("", "namespaces", namespace))?;
    if !metadata::is_terminating(&found.value(&namespaces)) {
        return Ok(());
    }
    let resource = &kind.resource;
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut status = Status::forbidden(&resource.group, &resource.plural, name, &why);
    status.details.get_or_insert_default().causes = vec![StatusCause {
        reason: "NamespaceTerminating".into(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".into(),
    }];
    Err(status)
}
