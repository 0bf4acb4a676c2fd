//! All that an account may do.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Difference, Grant, ManifestError, ServiceAccount};
use crate::RequestRecord;

/// What an account may do, or has to.
///
/// **Flow.** Run the tests of a program against an [`ApiServer`](crate::ApiServer) with the program's requests made
/// by its service account; hand [the record](crate::ApiServer::request_log) of all of them to
/// [`recorded`](Self::recorded), and [`check`](Self::check) the manifest.
///
/// **Guarantees.** The rules allow each recorded request of the account, and nothing that no request needed, but for
/// two things: objects are named only where a name is configuration (Leases in the account's own namespace), because
/// other names in tests are examples; and so are namespaces, once the account looks into all of them. The same
/// requests, in whatever order and however often, give the same manifest, byte for byte.
///
/// **Assumptions.** The record is complete: [`request_log`](crate::ApiServerBuilder::request_log) is large enough.
/// The tests make the program do all that it does in production: what they never caused is not in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub(super) account: ServiceAccount,
    /// Each with a request that needed it, where that is known. P-I1: written as a manifest and read again, they are
    /// the same.
    pub(super) grants: BTreeMap<Grant, String>,
}

impl Permissions {
    /// What these requests needed, as far as `account` made them, whatever they were answered.
    ///
    /// A request in the account's own namespace needs a Role there. One in another namespace needs a `ClusterRole` if
    /// the account lists or watches something everywhere: then its namespace is an example. Else a Role in that
    /// namespace. A patch or update that created its object needs `create` too, as in kube-apiserver. What every
    /// authenticated user may do needs nothing: discovery, health, version, reviews of oneself (the default roles
    /// `system:discovery` and `system:basic-user`).
    #[must_use]
    pub fn recorded(account: &ServiceAccount, records: &[RequestRecord]) -> Self {
        Self { account: account.clone(), grants: super::record::grants(account, records) }
    }

    /// What a manifest lets `account` do: the rules of all roles in it that a binding in it gives to the account.
    pub fn in_manifest(account: &ServiceAccount, manifest: &str) -> Result<Self, ManifestError> {
        let grants = super::read::grants(account, manifest)?;
        let grants = grants.into_iter().map(|grant| (grant, String::new())).collect();
        Ok(Self { account: account.clone(), grants })
    }

    /// The grants, in order.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.keys()
    }

    /// The same without one grant, to see what happens when it is missing.
    #[must_use]
    pub fn without(mut self, grant: &Grant) -> Self {
        self.grants.remove(grant);
        self
    }

    /// The manifest: the account, its roles, and their bindings.
    #[must_use]
    pub fn manifest(&self) -> String {
        super::write::manifest(self)
    }

    /// Fails unless `granted` is just this: neither surplus nor lack.
    pub fn compare(&self, granted: &Self) -> Result<(), Difference> {
        let covered = |wanted: &Grant| granted.grants().any(|grant| grant.covers(wanted));
        let lack = self.grants.iter().filter(|(wanted, _)| !covered(wanted));
        let lack: Vec<_> = lack.map(|(grant, request)| (grant.clone(), request.clone())).collect();
        let surplus: Vec<_> =
            granted.grants().filter(|grant| !self.grants.contains_key(grant)).cloned().collect();
        if lack.is_empty() && surplus.is_empty() {
            return Ok(());
        }
        Err(Difference { account: self.account.clone(), surplus, lack })
    }

    /// Fails unless the manifest in `file` lets the account do just this; the error lists what is surplus and what is
    /// missing. Comments and other objects in the file do not matter.
    ///
    /// With `rewrite`, a file that differs or is not there is written instead; keep it in version control and look at
    /// what has changed.
    pub fn check(&self, file: &Path, rewrite: bool) -> Result<(), ManifestError> {
        let named = || file.display().to_string();
        let found =
            std::fs::read_to_string(file).map_err(|source| ManifestError::Read { file: named(), source });
        let compared = found.and_then(|text| {
            let granted = Self::in_manifest(&self.account, &text)?;
            self.compare(&granted).map_err(|source| ManifestError::Differs { file: named(), source })
        });
        if compared.is_err() && rewrite {
            let written = std::fs::write(file, self.manifest());
            return written.map_err(|source| ManifestError::Write { file: named(), source });
        }
        compared
    }
}
