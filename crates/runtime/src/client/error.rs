//! How a request fails.

use std::time::Duration;

use pilothouse_machinery::{Status, StatusReason};

use crate::leader::NotLeading;

/// Why a request failed. The message says what was tried; the cause is the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server answered with an error.
    #[error("cannot {action}")]
    Status {
        /// What was tried, as `get jobs.batch/v1 default/hello`.
        action: String,
        /// What the server said.
        #[source]
        status: Box<Status>,
    },
    /// No complete answer arrived. A write may or may not have been applied.
    #[error("cannot {action}: the connection failed")]
    Transport {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No complete answer arrived in time. A write may or may not have been applied.
    #[error("cannot {action}: no answer within {after:?}")]
    Timeout {
        /// What was tried.
        action: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The answer is not what the type says.
    #[error("cannot {action}: the answer cannot be read")]
    Decode {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The object or the patch cannot be written as JSON.
    #[error("cannot {action}: the object cannot be written as JSON")]
    Encode {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The key does not name one object of the type. Nothing was sent.
    #[error("cannot {action}: {problem}")]
    Name {
        /// What was tried.
        action: String,
        /// What is wrong with the name or namespace.
        problem: &'static str,
    },
    /// The client is fenced, and this process does not lead (any more). Nothing was sent, or the answer was not waited
    /// for: see [`may_have_been_applied`](Self::may_have_been_applied).
    #[error("cannot {action}")]
    NotLeading {
        /// What was tried.
        action: String,
        /// Why this process does not lead.
        #[source]
        source: NotLeading,
    },
    /// The names given do not make a valid request.
    #[error("cannot {action}: the request is not valid")]
    Request {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: http::Error,
    },
}

impl ClientError {
    /// What the server said, where it said something.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    fn has_reason(&self, reason: &StatusReason) -> bool {
        self.status().is_some_and(|status| status.reason == *reason)
    }

    /// Whether there is no such object (or no such resource).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.has_reason(&StatusReason::NotFound)
    }

    /// Whether the object changed since it was read, or a precondition failed.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.has_reason(&StatusReason::Conflict)
    }

    /// Whether an object of this name exists.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.has_reason(&StatusReason::AlreadyExists)
    }

    /// Whether doing the whole thing again later (read, decide, write) may succeed: conflicts, overload,
    /// failures of server or connection. A refusal of what was asked (invalid, forbidden, not found) is not.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status.code >= 500
                    || matches!(status.code, 408 | 410 | 429)
                    || status.reason == StatusReason::Conflict
            }
            Self::Transport { .. } | Self::Timeout { .. } => true,
            Self::Decode { .. }
            | Self::Encode { .. }
            | Self::Name { .. }
            | Self::NotLeading { .. }
            | Self::Request { .. } => false,
        }
    }

    /// Whether a write that failed so may have been applied nevertheless.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.code >= 500,
            Self::Transport { .. } | Self::Timeout { .. } | Self::Decode { .. } => true,
            Self::NotLeading { source, .. } => source.sent,
            Self::Encode { .. } | Self::Name { .. } | Self::Request { .. } => false,
        }
    }

    /// A stable word for events and metric labels: the server's reason, or the kind of failure.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Status { status, .. } => status_reason(&status.reason),
            Self::Transport { .. } => "ConnectionFailed",
            Self::Timeout { .. } => "RequestTimeout",
            Self::Decode { .. } => "UnreadableAnswer",
            Self::Encode { .. } => "UnwritableObject",
            Self::Name { .. } => "InvalidName",
            Self::NotLeading { .. } => "NotLeading",
            Self::Request { .. } => "InvalidRequest",
        }
    }
}

/// The reason, where it is one of Kubernetes' own: what a server makes up must not become a metric's label.
pub(crate) fn status_reason(reason: &StatusReason) -> &'static str {
    match reason {
        StatusReason::BadRequest => "BadRequest",
        StatusReason::Unauthorized => "Unauthorized",
        StatusReason::Forbidden => "Forbidden",
        StatusReason::NotFound => "NotFound",
        StatusReason::MethodNotAllowed => "MethodNotAllowed",
        StatusReason::NotAcceptable => "NotAcceptable",
        StatusReason::AlreadyExists => "AlreadyExists",
        StatusReason::Conflict => "Conflict",
        StatusReason::Gone => "Gone",
        StatusReason::Expired => "Expired",
        StatusReason::RequestEntityTooLarge => "RequestEntityTooLarge",
        StatusReason::UnsupportedMediaType => "UnsupportedMediaType",
        StatusReason::Invalid => "Invalid",
        StatusReason::TooManyRequests => "TooManyRequests",
        StatusReason::InternalError => "InternalError",
        StatusReason::ServiceUnavailable => "ServiceUnavailable",
        StatusReason::Timeout => "Timeout",
        StatusReason::ServerTimeout => "ServerTimeout",
        _ => "ServerError",
    }
}
