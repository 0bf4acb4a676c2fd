//! Requests for the Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use crate::{Client, ClientError, ObjectKey};

/// The Lease on the server. Requests of an election wait behind no others: the client has no limit on its rate, and
/// each request is sent once and given a short time.
#[derive(Clone, Debug)]
pub(super) struct LeaseLock {
    client: Client,
    pub(super) key: ObjectKey,
}

impl LeaseLock {
    pub(super) fn new(client: &Client, key: ObjectKey, timeout: Duration) -> Self {
        Self { client: client.single_try(timeout), key }
    }

    /// The Lease; `None` when there is none.
    pub(super) async fn read(&self) -> Result<Option<Lease>, ClientError> {
        match self.client.get(&self.key).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the Lease: as new where `lease` has no version, else only over the version that it has.
    pub(super) async fn write(&self, lease: &Lease) -> Result<Lease, ClientError> {
        if lease.metadata.resource_version.is_some() {
            return self.client.update(lease).await;
        }
        let mut lease = lease.clone();
        lease.metadata.namespace = self.key.namespace().map(ToOwned::to_owned);
        lease.metadata.name = Some(self.key.name.to_string());
        self.client.create(&lease).await
    }
}

/// Whether somebody else was faster: the lease must be looked at again.
pub(super) fn was_overtaken(error: &ClientError) -> bool {
    error.is_conflict() || error.is_already_exists() || error.is_not_found()
}
