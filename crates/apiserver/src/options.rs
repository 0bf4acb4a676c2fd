//! What a server was told when it was built.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::access::TokenDigest;
use crate::{Authorization, HistoryLimits, User};

/// Settings that do not change while the server lives.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) history: HistoryLimits,
    /// The users that bearer tokens stand for.
    pub(crate) tokens: BTreeMap<TokenDigest, Arc<User>>,
    pub(crate) authorization: Authorization,
    /// How long a request waits for a resource version of the future.
    pub(crate) version_wait: Duration,
    /// The largest body of a request, in bytes.
    pub(crate) body_limit: usize,
    /// How many requests are remembered.
    pub(crate) request_log: usize,
    /// The certificate authority that each namespace holds, if the cluster is furnished.
    pub(crate) furnished: Option<String>,
    /// The first resource version is the one after this.
    pub(crate) first_revision: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history: HistoryLimits::default(),
            tokens: BTreeMap::new(),
            authorization: Authorization::default(),
            version_wait: Duration::from_secs(3),
            body_limit: 3 << 20,
            request_log: 10_000,
            furnished: None,
            first_revision: 1000,
        }
    }
}

impl fmt::Debug for Options {
    /// Tells everything but the tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("history", &self.history)
            .field("tokens", &self.tokens.len())
            .field("authorization", &self.authorization)
            .field("version_wait", &self.version_wait)
            .field("body_limit", &self.body_limit)
            .field("request_log", &self.request_log)
            .finish_non_exhaustive()
    }
}
