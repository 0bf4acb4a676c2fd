//! What a server is made of.

use std::sync::Arc;
use std::time::Duration;

use pilothouse_machinery::Environment;
use serde_json::json;

use crate::access::TokenDigest;
use crate::options::Options;
use crate::verbs::{Author, create_object};
use crate::{ApiServer, Authorization, HistoryLimits, User};

/// The namespaces that exist from the start.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Describes an [`ApiServer`].
#[derive(Debug, Default)]
pub struct ApiServerBuilder {
    environment: Option<Environment>,
    options: Options,
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

    /// How much history is kept.
    pub fn history(mut self, limits: HistoryLimits) -> Self {
        self.options.history = limits;
        self
    }

    /// Adds bearer tokens; each stands for a user, at every door.
    ///
    /// A token that means nothing is answered with 401. So is, at the door with a socket and while everybody may do
    /// everything, a request without a token; with [`Authorization::Rbac`] it is `system:anonymous`'s.
    pub fn tokens<Token, Holder>(mut self, tokens: impl IntoIterator<Item = (Token, Holder)>) -> Self
    where
        Token: Into<String>,
        Holder: Into<User>,
    {
        let known = tokens.into_iter().map(|(token, user): (Token, Holder)| {
            (TokenDigest::of(&token.into()), Arc::new(user.into().let_in()))
        });
        self.options.tokens.extend(known);
        self
    }

    /// Who may do what; everybody everything if not given.
    pub fn authorization(mut self, authorization: Authorization) -> Self {
        self.options.authorization = authorization;
        self
    }

    /// How long a request for a resource version of the future waits before it is answered with 504; 3 seconds if
    /// not given.
    pub fn version_wait(mut self, wait: Duration) -> Self {
        self.options.version_wait = wait;
        self
    }

    /// The largest body of a request in bytes; 3 MiB if not given.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// How many requests [`ApiServer::request_log`] remembers, about 500 bytes each; the latest 10,000 if not given.
    pub fn request_log(mut self, requests: usize) -> Self {
        self.options.request_log = requests;
        self
    }

    /// Has what clients of a whole cluster count on. Each namespace gets the service account `default` and the config
    /// map `kube-root-ca.crt` with this certificate (PEM), and gets them again when they are deleted; pods that name
    /// no service account get `default`; `default` has the service `kubernetes`; the two system priority classes
    /// are there. If not given, a new server holds nothing but four namespaces.
    pub fn furnished(mut self, certificate_authority: impl Into<String>) -> Self {
        self.options.furnished = Some(certificate_authority.into());
        self
    }

    /// The server, with its initial namespaces.
    pub fn build(self) -> ApiServer {
        let server = ApiServer::new(self.environment.unwrap_or_else(Environment::real), self.options);
        crate::kinds::register(server.registry());
        crate::access::register_reviews(server.registry());
        if let Some(kind) = server.registry().get("", "v1", "namespaces") {
            for name in NAMESPACES {
                let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
                if let Err(status) = create_object(&server, &kind, None, namespace, &Author::server(&server))
                {
                    tracing::error!(namespace = name, error = %status, "cannot create an initial namespace");
                }
            }
        }
        if server.options().authorization == Authorization::Rbac {
            crate::access::create_bootstrap_roles(&server);
        }
        if server.options().furnished.is_some() {
            crate::furnishing::furnish_cluster(&server);
        }
        server
    }
}
