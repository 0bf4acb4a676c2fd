//! Where notifications go.

use std::fmt;

use http::Uri;

use super::SigningSecret;
use crate::model::{JobState, StateGroup};

/// An address that cannot be notified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The text is not an absolute URL.
    #[error("cannot use the webhook address: write an absolute URL, as https://example.com/hook")]
    NotAnUrl,
    /// Two destinations have one name, by which their messages are told apart.
    #[error("cannot notify two destinations called {0:?}: give each its own name")]
    SameName(String),
    /// The scheme is neither `https` nor `http`.
    #[error("cannot use a webhook address of scheme {0:?}: only https and http are supported")]
    Scheme(String),
}

/// A webhook that is told of jobs' changes of state: by default, of their ends.
///
/// Printing shows host and name only: address and secret may give access. Neither is ever stored.
#[derive(Clone)]
pub struct Destination {
    name: String,
    address: Uri,
    secret: Option<SigningSecret>,
    states: Vec<JobState>,
    namespace: Option<String>,
}

impl Destination {
    /// A webhook at this URL, named after its host. With a secret, each message is signed.
    ///
    /// Fails if the URL is not an absolute `https` or `http` one.
    pub fn webhook(address: &str, secret: Option<SigningSecret>) -> Result<Self, DestinationError> {
        let address: Uri = address.parse().map_err(|_| DestinationError::NotAnUrl)?;
        let authority = address.authority().ok_or(DestinationError::NotAnUrl)?;
        match address.scheme_str() {
            Some("https" | "http") => {}
            other => return Err(DestinationError::Scheme(other.unwrap_or_default().to_owned())),
        }
        let host = match authority.port_u16() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        let states = StateGroup::Done.states().collect();
        Ok(Self { name: host, address, secret, states, namespace: None })
    }

    /// Gives it another name. The name is its identity over restarts: messages queued under a name that is not
    /// configured any more wait until it is.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Tells it of changes to these states only.
    pub fn on(mut self, states: impl IntoIterator<Item = JobState>) -> Self {
        self.states = states.into_iter().collect();
        self
    }

    /// Tells it of jobs of this namespace only.
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn address(&self) -> &Uri {
        &self.address
    }

    pub(crate) fn secret(&self) -> Option<&SigningSecret> {
        self.secret.as_ref()
    }

    pub(crate) fn states(&self) -> &[JobState] {
        &self.states
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Destination")
            .field("name", &self.name)
            .field("host", &self.address.host())
            .field("signed", &self.secret.is_some())
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}
