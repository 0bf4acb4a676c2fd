//! How a journal ends when it should not.

/// Why a journal stopped. It does so only when asked to, or when a part of it panicked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The sink was failing when the journal was asked to stop. What is not committed will be read again.
    #[error("cannot {doing} of {resource} before stopping")]
    Sink {
        /// What was tried.
        doing: &'static str,
        /// The type of the objects.
        resource: String,
        /// Why it failed the last time.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A commit did not end in time when the journal was asked to stop.
    #[error("cannot finish the commit under way of {resource} within the grace period")]
    Grace {
        /// The type of the objects.
        resource: String,
    },
    /// The task that reads from the server has ended, which only a panic makes it do.
    #[error("cannot go on recording {resource}: the reader has stopped")]
    ReaderStopped {
        /// The type of the objects.
        resource: String,
    },
}

impl JournalError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Sink { .. } => "SinkFailed",
            Self::Grace { .. } => "GraceExceeded",
            Self::ReaderStopped { .. } => "ReaderStopped",
        }
    }
}
