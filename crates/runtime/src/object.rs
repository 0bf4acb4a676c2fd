//! What the runtime needs from a Kubernetes type.

use std::any::TypeId;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use pilothouse_machinery::{ObjectKey, ResourceType, ResourceVersion, Scope};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A Kubernetes type known at compile time.
///
/// Every `kube::Resource<DynamicType = ()>` that is cloneable, printable and (de)serialisable is one: the
/// types of `k8s-openapi` and those that derive `kube::CustomResource`. Nothing else needs implementing.
pub trait Object: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Group, version, plural, kind and scope.
    fn resource_type() -> ResourceType;
    /// The metadata.
    fn meta(&self) -> &ObjectMeta;
    /// The metadata, to change.
    fn meta_mut(&mut self) -> &mut ObjectMeta;
}

impl<K> Object for K
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
    K::Scope: 'static,
{
    fn resource_type() -> ResourceType {
        // A type that is neither plainly cluster-scoped nor namespaced (a subresource) has no collection of
        // its own; the namespaced form is the one that can at least name its parent.
        let scope = if TypeId::of::<K::Scope>() == TypeId::of::<k8s_openapi::ClusterResourceScope>() {
            Scope::Cluster
        } else {
            Scope::Namespaced
        };
        ResourceType {
            group: K::group(&()),
            version: K::version(&()),
            plural: K::plural(&()),
            kind: K::kind(&()),
            scope,
        }
    }

    fn meta(&self) -> &ObjectMeta {
        kube::Resource::meta(self)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        kube::Resource::meta_mut(self)
    }
}

/// What is often asked of an object, from its metadata.
pub trait ObjectExt: Object {
    /// Namespace and name; both empty where the object has none yet.
    fn key(&self) -> ObjectKey {
        let meta = self.meta();
        ObjectKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        )
    }

    /// The uid; empty before the server has given one.
    fn uid(&self) -> &str {
        self.meta().uid.as_deref().unwrap_or_default()
    }

    /// The version; [`ResourceVersion::ZERO`] before the server has given one.
    fn resource_version(&self) -> ResourceVersion {
        self.meta().resource_version.as_deref().map_or(ResourceVersion::ZERO, ResourceVersion::parse)
    }

    /// Whether the object has a deletion timestamp.
    fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// The owner that controls this object, if one does.
    fn controller(&self) -> Option<&OwnerReference> {
        self.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
    }

    /// A reference that makes this object the controlling owner of another (`controller` and
    /// `blockOwnerDeletion` set), as `metav1.NewControllerRef` does.
    fn owner_reference(&self) -> OwnerReference {
        let resource = Self::resource_type();
        OwnerReference {
            api_version: resource.api_version(),
            kind: resource.kind.into_owned(),
            name: self.meta().name.clone().unwrap_or_default(),
            uid: self.uid().to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }
}

impl<T: Object> ObjectExt for T {}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::core::v1::{Node, Pod};

    use super::*;

    #[test]
    fn the_scope_of_a_type_follows_from_its_declaration() {
        assert_eq!(Job::resource_type(), ResourceType::namespaced("batch", "v1", "jobs", "Job"));
        assert_eq!(Node::resource_type(), ResourceType::cluster("", "v1", "nodes", "Node"));
    }

    #[test]
    fn an_owner_reference_names_type_and_uid_and_is_found_again_as_controller() {
        let mut job = Job::default();
        (job.metadata.name, job.metadata.uid) = (Some("j".into()), Some("u".into()));
        let mut pod = Pod::default();
        assert!(pod.controller().is_none());
        pod.metadata.owner_references = Some(vec![job.owner_reference()]);
        let owner = pod.controller().unwrap();
        assert_eq!((&*owner.api_version, &*owner.kind, &*owner.uid), ("batch/v1", "Job", "u"));
    }
}
