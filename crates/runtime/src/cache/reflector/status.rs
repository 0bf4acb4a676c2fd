//! Reading failures of lists and watches.

use std::time::Duration;

use pilothouse_machinery::{Status, StatusReason};

use crate::client::ClientError;

/// Why a list or watch was not answered as asked.
pub(super) enum Failure {
    /// The server said no.
    Refused(Box<Status>),
    /// There was no answer.
    Failed(ClientError),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

/// The cause that marks a version from the future since Kubernetes 1.18.
const TOO_LARGE_CAUSE: &str = "ResourceVersionTooLarge";
/// The words of the encodings before that.
const TOO_LARGE_WORDS: &str = "too large resource version";

/// Whether the server has not reached the version asked for, in any of the three forms servers use (R3).
pub(super) fn is_too_large(status: &Status) -> bool {
    let timeout = status.code == 504 || matches!(status.reason, StatusReason::Timeout);
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let says = |text: &str| text.to_ascii_lowercase().contains(TOO_LARGE_WORDS);
    timeout
        && (says(&status.message)
            || causes.into_iter().any(|cause| cause.reason == TOO_LARGE_CAUSE || says(&cause.message)))
}

/// How long the server asks to wait.
pub(super) fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds?;
    Some(Duration::from_secs(seconds.into()))
}
