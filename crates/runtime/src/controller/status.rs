//! Access to the status of an object.

use crate::Object;

/// A type whose `status` field can be reached.
///
/// Nothing needs implementing: types that derive `kube::CustomResource` with a `status` and the built-in
/// types have it. `Via` says through which of the two, and is always inferred.
pub trait StatusField<Via>: Object {
    /// The type of the status.
    type Status: Default;

    /// The status, which may not have been set yet.
    fn status_mut(&mut self) -> &mut Option<Self::Status>;
}

/// Marks the types that derive `kube::CustomResource`.
#[derive(Debug)]
pub enum Derived {}

/// Marks the types of `k8s-openapi`.
#[derive(Debug)]
pub enum BuiltIn {}

impl<T> StatusField<Derived> for T
where
    T: Object + kube::core::object::HasStatus,
    T::Status: Default,
{
    type Status = <T as kube::core::object::HasStatus>::Status;

    fn status_mut(&mut self) -> &mut Option<Self::Status> {
        kube::core::object::HasStatus::status_mut(self)
    }
}

macro_rules! built_in {
    ($($group:ident :: $version:ident { $($kind:ident => $status:ident),+ $(,)? })+) => {
        $($(
            impl StatusField<BuiltIn> for k8s_openapi::api::$group::$version::$kind {
                type Status = k8s_openapi::api::$group::$version::$status;

                fn status_mut(&mut self) -> &mut Option<Self::Status> {
                    &mut self.status
                }
            }
        )+)+
    };
}

built_in! {
    apps::v1 {
        DaemonSet => DaemonSetStatus,
        Deployment => DeploymentStatus,
        ReplicaSet => ReplicaSetStatus,
        StatefulSet => StatefulSetStatus,
    }
    autoscaling::v2 { HorizontalPodAutoscaler => HorizontalPodAutoscalerStatus }
    batch::v1 { CronJob => CronJobStatus, Job => JobStatus }
    certificates::v1 { CertificateSigningRequest => CertificateSigningRequestStatus }
    core::v1 {
        Namespace => NamespaceStatus,
        Node => NodeStatus,
        PersistentVolume => PersistentVolumeStatus,
        PersistentVolumeClaim => PersistentVolumeClaimStatus,
        Pod => PodStatus,
        ReplicationController => ReplicationControllerStatus,
        ResourceQuota => ResourceQuotaStatus,
        Service => ServiceStatus,
    }
    networking::v1 { Ingress => IngressStatus }
    policy::v1 { PodDisruptionBudget => PodDisruptionBudgetStatus }
    resource::v1 { ResourceClaim => ResourceClaimStatus }
    storage::v1 { VolumeAttachment => VolumeAttachmentStatus }
}
