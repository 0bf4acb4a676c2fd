//! The table of built-in resource types.

use std::borrow::Cow;
use std::sync::Arc;

use pilothouse_machinery::{ResourceType, Scope};
use serde_json::Value;

use super::config::{ConfigMapStrategy, SecretStrategy};
use super::cron_job::CronJobStrategy;
use super::daemon_set::{ControllerRevisionStrategy, DaemonSetStrategy};
use super::deployment::{DeploymentStrategy, ReplicaSetStrategy};
use super::event::{EventStrategy, EventView};
use super::field::text;
use super::job::JobStrategy;
use super::lease::LeaseStrategy;
use super::namespace::NamespaceStrategy;
use super::node::NodeStrategy;
use super::pod::PodStrategy;
use super::service::ServiceStrategy;
use super::simple;
use super::stateful_set::StatefulSetStrategy;
use crate::ApiServer;
use crate::access::{BindingStrategy, RoleStrategy};
use crate::custom_resources::DefinitionStrategy;
use crate::furnishing::{ACCOUNT, furnish_account};
use crate::kind::{Kind, NameRule, Scale, StorageKey, Strategy};
use crate::registry::KindRegistry;
use crate::table;

/// Both groups of events show the same objects.
const EVENTS: StorageKey = StorageKey { group: Cow::Borrowed(""), plural: Cow::Borrowed("events") };

/// Serves all built-in types.
pub(crate) fn register(registry: &KindRegistry) {
    for kind in
        core().into_iter().chain(batch()).chain(apps()).chain(others()).chain(access()).chain(simple::kinds())
    {
        registry.add(kind);
    }
}

fn kind(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    scope: Scope,
    strategy: impl Strategy,
) -> Kind {
    let resource = match scope {
        Scope::Namespaced => ResourceType::namespaced(group, "v1", plural, kind),
        Scope::Cluster => ResourceType::cluster(group, "v1", plural, kind),
    };
    Kind { columns: table::columns_of(group, plural), strategy: Arc::new(strategy), ..Kind::new(resource) }
}

fn replicas() -> Scale {
    Scale {
        spec_replicas: ".spec.replicas".into(),
        status_replicas: ".status.replicas".into(),
        label_selector: Some(".spec.selector".into()),
    }
}

fn core() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["ns".into()],
            name_rule: NameRule::Label,
            status_subresource: true,
            subresources: vec!["finalize".into()],
            returns_object_on_delete: true,
            ..kind("", "namespaces", "Namespace", Scope::Cluster, NamespaceStrategy)
        },
        Kind {
            short_names: vec!["po".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            subresources: vec!["binding".into()],
            has_generation: true,
            returns_object_on_delete: true,
            ..kind("", "pods", "Pod", Scope::Namespaced, PodStrategy)
        },
        Kind {
            short_names: vec!["no".into()],
            status_subresource: true,
            ..kind("", "nodes", "Node", Scope::Cluster, NodeStrategy)
        },
        Kind {
            short_names: vec!["cm".into()],
            ..kind("", "configmaps", "ConfigMap", Scope::Namespaced, ConfigMapStrategy)
        },
        kind("", "secrets", "Secret", Scope::Namespaced, SecretStrategy),
        Kind {
            short_names: vec!["ev".into()],
            allow_create_on_update: true,
            shares: Some(EVENTS),
            ..kind("", "events", "Event", Scope::Namespaced, EventStrategy)
        },
        Kind {
            short_names: vec!["ev".into()],
            allow_create_on_update: true,
            shares: Some(EVENTS),
            ..kind("events.k8s.io", "events", "Event", Scope::Namespaced, EventView)
        },
        Kind {
            short_names: vec!["svc".into()],
            categories: vec!["all".into()],
            name_rule: NameRule::Label1035,
            status_subresource: true,
            allow_create_on_update: true,
            returns_object_on_delete: true,
            ..kind("", "services", "Service", Scope::Namespaced, ServiceStrategy)
        },
        Kind {
            short_names: vec!["sa".into()],
            subresources: vec!["token".into()],
            returns_object_on_delete: true,
            ..kind("", "serviceaccounts", "ServiceAccount", Scope::Namespaced, ServiceAccountStrategy)
        },
    ]
}

fn batch() -> Vec<Kind> {
    vec![
        Kind {
            categories: vec!["all".into()],
            status_subresource: true,
            has_generation: true,
            ..kind("batch", "jobs", "Job", Scope::Namespaced, JobStrategy)
        },
        Kind {
            short_names: vec!["cj".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            has_generation: true,
            ..kind("batch", "cronjobs", "CronJob", Scope::Namespaced, CronJobStrategy)
        },
    ]
}

fn apps() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["deploy".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            scale: Some(replicas()),
            has_generation: true,
            generation_counts_annotations: true,
            ..kind("apps", "deployments", "Deployment", Scope::Namespaced, DeploymentStrategy)
        },
        Kind {
            short_names: vec!["rs".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            scale: Some(replicas()),
            has_generation: true,
            ..kind("apps", "replicasets", "ReplicaSet", Scope::Namespaced, ReplicaSetStrategy)
        },
        Kind {
            short_names: vec!["sts".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            scale: Some(replicas()),
            has_generation: true,
            ..kind("apps", "statefulsets", "StatefulSet", Scope::Namespaced, StatefulSetStrategy)
        },
        Kind {
            short_names: vec!["ds".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            has_generation: true,
            ..kind("apps", "daemonsets", "DaemonSet", Scope::Namespaced, DaemonSetStrategy)
        },
        kind(
            "apps",
            "controllerrevisions",
            "ControllerRevision",
            Scope::Namespaced,
            ControllerRevisionStrategy,
        ),
    ]
}

fn others() -> Vec<Kind> {
    vec![
        Kind {
            allow_unconditional_update: false,
            allow_create_on_update: true,
            ..kind("coordination.k8s.io", "leases", "Lease", Scope::Namespaced, LeaseStrategy)
        },
        Kind {
            short_names: vec!["crd".into(), "crds".into()],
            categories: vec!["api-extensions".into()],
            status_subresource: true,
            has_generation: true,
            allow_unconditional_update: false,
            ..kind(
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "CustomResourceDefinition",
                Scope::Cluster,
                DefinitionStrategy,
            )
        },
    ]
}

/// What they allow and refuse is said in [`crate::access`].
fn access() -> Vec<Kind> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let of = |kind| Kind { name_rule: NameRule::PathSegment, allow_create_on_update: true, ..kind };
    let binding = |plural, name, scope| of(kind(GROUP, plural, name, scope, BindingStrategy));
    let role = |plural, name, scope| of(kind(GROUP, plural, name, scope, RoleStrategy));
    vec![
        binding("clusterrolebindings", "ClusterRoleBinding", Scope::Cluster),
        role("clusterroles", "ClusterRole", Scope::Cluster),
        binding("rolebindings", "RoleBinding", Scope::Namespaced),
        role("roles", "Role", Scope::Namespaced),
    ]
}

/// Service accounts have no rules of their own; [`crate::access`] issues their tokens.
struct ServiceAccountStrategy;

impl Strategy for ServiceAccountStrategy {
    fn committed(&self, server: &ApiServer, old: Option<&Value>, new: Option<&Value>) {
        if let (Some(old), None) = (old, new)
            && text(old, "/metadata/name") == ACCOUNT
        {
            furnish_account(server, text(old, "/metadata/namespace"));
        }
    }

    fn cells(&self, object: &Value, now: jiff::Timestamp) -> Vec<Value> {
        table::core::service_account(object, now)
    }
}

#[cfg(test)]
mod tests {
    use pilothouse_machinery::schema::Schema;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_has_a_schema_and_a_cell_for_each_column() {
        let registry = KindRegistry::default();
        register(&registry);
        let kinds = registry.all();
        assert!(kinds.len() > 40, "{}", kinds.len());
        for kind in kinds {
            let name = kind.resource.group_version_kind();
            assert!(Schema::builtin().kind(&name).is_some(), "{name:?}");
            let object = json!({"metadata": {"name": "a"}, "spec": {}});
            let include = table::IncludeObject::None;
            let rendered =
                table::render(&kind, &json!({}), [&object], include, true, jiff::Timestamp::UNIX_EPOCH);
            let count = |pointer: &str| rendered.pointer(pointer).and_then(Value::as_array).map(Vec::len);
            assert_eq!(count("/rows/0/cells"), count("/columnDefinitions"), "{name:?}: {rendered}");
        }
    }
}
