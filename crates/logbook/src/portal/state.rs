//! What every handler needs.

use std::fmt;
use std::sync::Arc;

use pilothouse::Client;
use pilothouse_machinery::Environment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::live::{STREAMS, Tail};
use super::token::Signer;
use crate::store::Store;

/// What the portal may be told.
#[derive(Clone, Debug, Default)]
pub struct PortalOptions {
    /// The cluster's name, shown in the bar.
    pub cluster: String,
    /// Host names, besides loopback ones, under which browsers may reach the portal. Ports do not matter.
    pub allowed_hosts: Vec<String>,
}

/// The state behind [`router`](super::router). Cloning shares it.
#[derive(Clone)]
pub struct PortalState {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    client: Option<Client>,
    environment: Environment,
    options: PortalOptions,
    signer: Signer,
    tail: Tail,
    streams: Arc<Semaphore>,
}

impl PortalState {
    /// A portal over `store`. It creates, deletes and suspends jobs through `client`; without one it is read-only.
    #[must_use]
    pub fn new(
        store: Store,
        client: Option<Client>,
        environment: Environment,
        options: PortalOptions,
    ) -> Self {
        let tail = Tail::new(store.clone(), environment.clone());
        let (signer, streams) = (Signer::new(), Arc::new(Semaphore::new(STREAMS)));
        Self { shared: Arc::new(Shared { store, client, environment, options, signer, tail, streams }) }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What all live streams share.
    pub(crate) fn tail(&self) -> &Tail {
        &self.shared.tail
    }

    /// The right to one more live stream; `None` if there are too many.
    pub(crate) fn stream_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.streams).try_acquire_owned().ok()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    pub(crate) fn options(&self) -> &PortalOptions {
        &self.shared.options
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.shared.signer
    }

    /// The way to the cluster; `None` in a read-only portal.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.shared.client.as_ref()
    }
}

impl fmt::Debug for PortalState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PortalState").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
