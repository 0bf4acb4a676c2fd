//! The server as a value.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pilothouse_machinery::{Environment, ResourceVersion};

use crate::access::{Entrance, Policy, Tokens};
use crate::openapi::DocumentCache;
use crate::options::Options;
use crate::registry::KindRegistry;
use crate::request_log::{RequestLog, RequestRecord};
use crate::store::Store;
use crate::{ApiServerBuilder, User};

/// An API server in one process.
///
/// **Guarantees.** Cheap to clone; clones are the same server. One counter numbers all writes; each write is seen
/// by every watch of its resource in the same order. Nothing runs in the background: answers are made in the task
/// of whoever asks.
///
/// **Assumptions.** Watches and waits for a version use tokio's clock, so requests are made inside a tokio runtime.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

struct Shared {
    environment: Environment,
    options: Options,
    entrance: Entrance,
    registry: KindRegistry,
    store: Store,
    policy: Policy,
    tokens: Tokens,
    log: RequestLog,
    documents: DocumentCache,
    available: AtomicBool,
}

impl ApiServer {
    /// Starts to describe a server.
    pub fn builder() -> ApiServerBuilder {
        ApiServerBuilder::new()
    }

    pub(crate) fn new(environment: Environment, options: Options) -> Self {
        let log = RequestLog::new(options.request_log);
        let store = Store::new(options.first_revision, options.history);
        Self {
            shared: Arc::new(Shared {
                environment,
                options,
                entrance: Entrance::of(User::admin()),
                registry: KindRegistry::default(),
                store,
                policy: Policy::default(),
                tokens: Tokens::default(),
                log,
                documents: DocumentCache::default(),
                available: AtomicBool::new(true),
            }),
        }
    }

    /// Time and randomness of this server.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// The resource version of the last write.
    pub fn current_resource_version(&self) -> ResourceVersion {
        self.store().revision().into()
    }

    /// Forgets the history up to and including `version`, of all resources (all there is, for `None`).
    ///
    /// Watches that resume from before it get an `ERROR` event with code 410, lists of an older version and older
    /// continue tokens are answered with 410.
    pub fn compact(&self, version: Option<&ResourceVersion>) {
        let revision = version.and_then(ResourceVersion::number).unwrap_or(u64::MAX);
        self.store().compact(revision);
    }

    /// Ends all watches, as a restart of the server would. Clients may watch again at once.
    pub fn drop_watches(&self) {
        self.store().break_watches();
    }

    /// Whether the server can be reached. While it cannot, requests fail like refused connections; watches end when
    /// it becomes unreachable. No object is lost.
    pub fn set_available(&self, available: bool) {
        self.shared.available.store(available, Ordering::SeqCst);
        if !available {
            self.drop_watches();
        }
    }

    /// The latest requests, oldest first: the record of what clients did, as far back as
    /// [`ApiServerBuilder::request_log`] says.
    pub fn request_log(&self) -> Vec<RequestRecord> {
        self.shared.log.records()
    }

    /// Forgets the record of requests.
    pub fn clear_request_log(&self) {
        self.shared.log.clear();
    }

    pub(crate) fn is_available(&self) -> bool {
        self.shared.available.load(Ordering::SeqCst)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The door without a socket.
    pub(crate) fn entrance(&self) -> &Entrance {
        &self.shared.entrance
    }

    /// The kinds served.
    pub(crate) fn registry(&self) -> &KindRegistry {
        &self.shared.registry
    }

    /// All objects.
    pub(crate) fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What roles and bindings allow.
    pub(crate) fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// Tokens of service accounts.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// The `OpenAPI` documents of what is served.
    pub(crate) fn documents(&self) -> &DocumentCache {
        &self.shared.documents
    }

    pub(crate) fn log(&self) -> &RequestLog {
        &self.shared.log
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiServer").finish_non_exhaustive()
    }
}
