//! The server as a value.

use std::fmt;
use std::sync::Arc;

use pilothouse_machinery::Environment;

use crate::ApiServerBuilder;
use crate::registry::KindRegistry;
use crate::store::Store;

/// An API server in one process.
///
/// **Guarantees.** Cheap to clone; clones are the same server. One counter numbers all writes; each write is seen
/// by every watch of its resource in the same order. Nothing runs in the background.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) environment: Environment,
    pub(crate) registry: KindRegistry,
    pub(crate) store: Store,
}

impl ApiServer {
    /// Starts to describe a server.
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder::new()
    }

    pub(crate) fn from_shared(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Time and randomness of this server.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// The kinds served.
    pub(crate) fn registry(&self) -> &KindRegistry {
        &self.shared.registry
    }

    /// The objects.
    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiServer").finish_non_exhaustive()
    }
}
