//! What goes wrong with handlers.

use pilothouse_machinery::ResourceType;

/// A handler could not be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The informer has stopped, and does not start again (conformance S11).
    #[error("cannot handle changes of {resource}: the informer has stopped")]
    Stopped {
        /// The type of the objects.
        resource: ResourceType,
    },
}

impl HandleError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Stopped { .. } => "InformerStopped",
        }
    }
}

/// A handler ended because it panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot go on handling changes of {resource}: the handler panicked: {message}")]
pub struct HandlerPanic {
    pub(super) resource: ResourceType,
    pub(super) message: String,
}

impl HandlerPanic {
    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "HandlerPanicked"
    }
}
