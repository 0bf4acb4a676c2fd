//! How the task behind an informer fails.

use std::sync::Arc;

use parking_lot::Mutex;
use pilothouse_machinery::ResourceType;

use crate::cache::flag::Flag;

/// The task that kept an informer up to date panicked (conformance R21): a fault of the program, in the comparison of
/// an index's values or in the cache itself. Panics of index functions, filters and transforms end no informer.
///
/// The informer has stopped: its store stays as it was, and its subscriptions end. A manager ends with this
/// error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot keep the cache of {resource} up to date any more: its task panicked: {message}")]
pub struct InformerFailure {
    resource: ResourceType,
    message: String,
}

impl InformerFailure {
    pub(super) fn new(resource: &ResourceType, message: String) -> Self {
        Self { resource: resource.clone(), message }
    }

    /// The type whose informer failed.
    #[must_use]
    pub fn resource_type(&self) -> &ResourceType {
        &self.resource
    }

    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "InformerPanicked"
    }
}

/// Where the informers of one registry report that they failed. The first failure is kept. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::cache) struct Failures {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    first: Mutex<Option<InformerFailure>>,
    reported: Flag,
}

impl Failures {
    pub(super) fn report(&self, failure: InformerFailure) {
        self.shared.first.lock().get_or_insert(failure);
        self.shared.reported.raise();
    }

    /// The first failure, when there is one. Dropping the future stops the wait.
    pub(in crate::cache) async fn first(&self) -> InformerFailure {
        self.shared.reported.raised().await;
        let first = self.shared.first.lock().clone();
        match first {
            Some(failure) => failure,
            // The flag is raised after the failure is stored.
            None => std::future::pending().await,
        }
    }
}
