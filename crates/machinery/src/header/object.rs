//! What a scan tells of an object.

use std::ops::Range;
use std::sync::Arc;

use super::{LabelSet, ScanError, ScanFailure, Uid};
use crate::{ObjectKey, ResourceType, ResourceVersion};

/// What a cache, an index and a work queue need to know of an object.
///
/// Equal namespaces, label sets, owner lists and managers of the objects that one [`Scanner`](super::Scanner) read are
/// shared between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The uid; empty when the object has none.
    pub uid: Uid,
    /// The version; [`ResourceVersion::ZERO`] when the object has none.
    pub resource_version: ResourceVersion,
    /// The generation; 0 when the object has none.
    pub generation: i64,
    /// The labels.
    pub labels: Arc<LabelSet>,
    /// The owner references, in the object's order.
    pub owners: Arc<[OwnerHeader]>,
    /// Who wrote the object first, as far as it says: the manager of the earliest entry of `managedFields`
    /// (`kubectl-create`, `kube-controller-manager`, a program's user agent). The server moves the time of an entry
    /// on with each write of its manager, so only an object's first versions say for sure who created it.
    pub first_manager: Option<Arc<str>>,
    /// Whether the object has a deletion timestamp: its deletion waits for finalizers or a grace period.
    pub deleting: bool,
}

impl ObjectHeader {
    /// The owner that controls the object, if one does.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerHeader> {
        self.owners.iter().find(|owner| owner.controller)
    }
}

/// One owner reference of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerHeader {
    /// The owner's `apiVersion`.
    pub api_version: Arc<str>,
    /// The owner's kind.
    pub kind: Arc<str>,
    /// The owner's name.
    pub name: Arc<str>,
    /// The owner's uid.
    pub uid: Uid,
    /// Whether this owner is the managing controller.
    pub controller: bool,
}

/// The result of [`Scanner::scan`](super::Scanner::scan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedObject {
    /// The header.
    pub header: ObjectHeader,
    /// The object's own `apiVersion`; items of a list usually leave it out.
    pub api_version: Option<Arc<str>>,
    /// The object's own `kind`; items of a list usually leave it out.
    pub kind: Option<Arc<str>>,
    /// Where the value of `metadata.managedFields` lies, in bytes.
    pub(super) managed_fields: Option<Range<usize>>,
}

impl ScannedObject {
    /// Whether the object is of this type, as far as it says: what it leaves out is taken to fit.
    pub fn check_type(&self, resource: &ResourceType) -> Result<(), ScanError> {
        let kind_fits = self.kind.as_deref().is_none_or(|kind| kind == resource.kind);
        let version_fits = self.api_version.as_deref().is_none_or(|version| {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            group == resource.group && version == resource.version
        });
        if kind_fits && version_fits {
            return Ok(());
        }
        let expected = resource.api_version();
        let version = self.api_version.as_deref().unwrap_or(&expected);
        let found = format!("{version} {}", self.kind.as_deref().unwrap_or(&resource.kind));
        let expected = format!("{expected} {}", resource.kind);
        Err(ScanError::new(ScanFailure::WrongType { expected, found }, Some(self.header.key.clone())))
    }
}
