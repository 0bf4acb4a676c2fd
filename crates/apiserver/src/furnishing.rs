//! What a whole cluster has in it from the start, beside its namespaces.
//!
//! In a real cluster controllers and the server itself make these objects. Here the server does, and only if it is
//! told to ([`ApiServerBuilder::furnished`](crate::ApiServerBuilder::furnished)): a test sees its own objects only.

use pilothouse_machinery::ObjectKey;
use serde_json::{Value, json};

use crate::ApiServer;
use crate::verbs::{Author, create_object, is_terminating};

/// The service account of pods that name none.
pub(crate) const ACCOUNT: &str = "default";
/// The config map that pods find the server's certificate authority in.
pub(crate) const ROOT_CERTIFICATE: &str = "kube-root-ca.crt";
/// The annotation that says what it is, as on a real cluster.
const ROOT_CERTIFICATE_NOTE: &str = "kubernetes.io/description";

/// Makes what the whole cluster has once.
pub(crate) fn furnish_cluster(server: &ApiServer) {
    let service = json!({
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    });
    add(server, ("", "services"), Some("default"), service);
    for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
    {
        let class = json!({"metadata": {"name": name}, "value": value});
        add(server, ("scheduling.k8s.io", "priorityclasses"), None, class);
    }
}

/// Makes what each namespace has; what is there already stays.
pub(crate) fn furnish_namespace(server: &ApiServer, namespace: &str) {
    furnish_account(server, namespace);
    furnish_certificate(server, namespace);
}

/// Makes the service account of a namespace, unless the namespace is being deleted.
pub(crate) fn furnish_account(server: &ApiServer, namespace: &str) {
    if is_furnished(server, namespace) {
        add(server, ("", "serviceaccounts"), Some(namespace), json!({"metadata": {"name": ACCOUNT}}));
    }
}

/// Makes the config map with the server's certificate authority, unless the namespace is being deleted.
pub(crate) fn furnish_certificate(server: &ApiServer, namespace: &str) {
    let certificate = server.options().furnished.as_deref();
    if let Some(certificate) = certificate.filter(|_| is_furnished(server, namespace)) {
        let note = "The certificate authority of this API server.";
        let map = json!({
            "metadata": {"name": ROOT_CERTIFICATE, "annotations": {ROOT_CERTIFICATE_NOTE: note}},
            "data": {"ca.crt": certificate},
        });
        add(server, ("", "configmaps"), Some(namespace), map);
    }
}

fn is_furnished(server: &ApiServer, namespace: &str) -> bool {
    let Some(namespaces) = server.registry().get("", "v1", "namespaces") else { return false };
    let found = server.store().get(&namespaces, &ObjectKey::cluster(namespace));
    server.options().furnished.is_some()
        && found.is_some_and(|found| !is_terminating(&found.value(&namespaces)))
}

fn add(server: &ApiServer, (group, plural): (&str, &str), namespace: Option<&str>, mut object: Value) {
    let Some(kind) = server.registry().any_version(group, plural) else { return };
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if server.store().get(&kind, &ObjectKey::new(namespace.unwrap_or_default(), name.as_str())).is_some() {
        return;
    }
    object["kind"] = Value::from(&*kind.resource.kind);
    object["apiVersion"] = Value::from(kind.resource.api_version());
    if let Err(status) = create_object(server, &kind, namespace, object, &Author::server(server)) {
        tracing::error!(plural, name, namespace, error = %status, "cannot furnish the cluster");
    }
}
