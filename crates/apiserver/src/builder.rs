//! What a server is made of.

use pilothouse_machinery::Environment;

use crate::ApiServer;
use crate::kinds;
use crate::registry::KindRegistry;
use crate::server::Shared;

/// Describes an [`ApiServer`].
#[derive(Debug, Default)]
pub struct ApiServerBuilder {
    environment: Option<Environment>,
}

impl ApiServerBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Where time, uids and generated names come from; [`Environment::real`] if not given.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The server, with its initial namespaces.
    pub fn build(self) -> ApiServer {
        let registry = KindRegistry::default();
        kinds::register(&registry);
        ApiServer::from_shared(Shared {
            environment: self.environment.unwrap_or_else(Environment::real),
            registry,
            store: crate::store::Store::new(1, crate::HistoryLimits::default()),
        })
    }
}
