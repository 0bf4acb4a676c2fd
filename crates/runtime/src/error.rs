//! How a manager fails.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::InformerFailure;
use crate::leader::ElectionError;
use crate::manager::{BoxError, ConfigurationError};

/// Why a manager ended otherwise than by being told to stop, or did not stop in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No client was given, and none can be made from what the process finds around it.
    #[error("cannot connect to a cluster")]
    Connect {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Two runnables have one name.
    #[error("cannot run two things called {name:?} in one manager")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The address for metrics and health cannot be listened on.
    #[error("cannot serve metrics and health on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was configured means nothing.
    #[error("cannot start")]
    Configuration {
        /// What, where, and what to write instead.
        #[source]
        source: ConfigurationError,
    },
    /// Metrics would be open to everybody who reaches the address, and nobody said that they may.
    #[error(
        "cannot serve metrics on {address}, which other machines reach: say who may read them with \
         Manager::metrics_access, or choose a loopback address"
    )]
    Unprotected {
        /// The address.
        address: SocketAddr,
    },
    /// Metrics cannot be served with this certificate.
    #[error("cannot serve metrics with the certificate {} and the key {}", certificate.display(), key.display())]
    Certificate {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The election cannot be held.
    #[error("cannot start")]
    Election {
        /// Why.
        #[source]
        source: ElectionError,
    },
    /// This process led, or stood for election, and cannot any more. Its leader work was cut off.
    #[error("cannot go on: {identity} has lost its lease; start the process anew")]
    LeadershipLost {
        /// The name it stood under.
        identity: String,
    },
    /// The signals that ask the process to stop cannot be received.
    #[error("cannot listen for the signals to stop")]
    Signals {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A runnable failed.
    #[error("cannot go on: {name} failed")]
    Failed {
        /// The runnable.
        name: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A runnable panicked.
    #[error("cannot go on: {name} panicked: {message}")]
    Panicked {
        /// The runnable.
        name: String,
        /// What it said.
        message: String,
    },
    /// The task that kept a cache up to date panicked: nothing may be decided from that cache any more.
    #[error("cannot go on: a cache failed")]
    CacheFailed {
        /// Which one, and what the panic said.
        #[source]
        source: InformerFailure,
    },
    /// Runnables were still at work when the grace period was over, and were dropped.
    #[error("cannot stop in order: {} did not end within {grace:?}", names.join(", "))]
    NotStopped {
        /// The runnables.
        names: Vec<String>,
        /// The grace period.
        grace: Duration,
    },
    /// Several of the above, in the order in which they happened.
    #[error("several things failed: {}", list(errors))]
    Several {
        /// The errors.
        errors: Vec<Error>,
    },
}

impl Error {
    /// All of `errors` as one; `None` when there are none.
    pub(crate) fn all(mut errors: Vec<Self>) -> Option<Self> {
        if errors.len() > 1 { Some(Self::Several { errors }) } else { errors.pop() }
    }

    /// A stable word for logs and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "NoCluster",
            Self::DuplicateName { .. } => "DuplicateName",
            Self::Listen { .. } => "CannotListen",
            Self::Configuration { source } => source.reason(),
            Self::Unprotected { .. } => "Unprotected",
            Self::Certificate { .. } => "CertificateNotUsable",
            Self::Election { source } => source.reason(),
            Self::LeadershipLost { .. } => "LeadershipLost",
            Self::Signals { .. } => "NoSignals",
            Self::Failed { .. } => "RunnableFailed",
            Self::Panicked { .. } => "RunnablePanicked",
            Self::CacheFailed { .. } => "CacheFailed",
            Self::NotStopped { .. } => "NotStopped",
            Self::Several { .. } => "Several",
        }
    }
}

fn list(errors: &[Error]) -> String {
    errors.iter().map(|error| crate::controller::chain(error)).collect::<Vec<_>>().join("; ")
}
