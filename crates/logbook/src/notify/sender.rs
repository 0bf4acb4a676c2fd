//! What it takes to send one message.

use std::future::Future;
use std::time::Duration;

use super::Destination;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same on every try.
    pub id: String,
    /// A `CloudEvents` 1.0 event in JSON.
    pub payload: String,
    /// When this try began, in seconds since the Unix epoch: part of what is signed.
    pub timestamp: i64,
}

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The receiver answered with something other than success.
    #[error("the receiver answered {code}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// How long it asks to wait before the next try.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("the receiver could not be reached")]
    Unreachable {
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was no answer in time.
    #[error("the receiver did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl SendError {
    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Unreachable { .. } | Self::TimedOut(_) => None,
        }
    }

    /// Whether trying again cannot help: the receiver refuses the message or does not know us.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self.code(), Some(400 | 401 | 403 | 404 | 410))
    }

    /// How long the receiver asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Unreachable { .. } | Self::TimedOut(_) => None,
        }
    }
}

/// Sends messages; the dispatcher's way out.
pub trait Sender: Send + Sync + 'static {
    /// Tries once to deliver a message and gives the HTTP status of its acceptance.
    ///
    /// Cancelled, the message may or may not have arrived; it is sent again then.
    fn send(
        &self,
        destination: &Destination,
        message: &Message,
    ) -> impl Future<Output = Result<u16, SendError>> + Send;
}
