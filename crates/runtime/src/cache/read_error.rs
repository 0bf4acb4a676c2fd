//! Why a read of a cache gives no objects.

use pilothouse_machinery::{ObjectKey, ResourceType};

use super::{DecodeError, Informer, Selection};

/// A typed read of a cache failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An object that the read meets does not fit the type.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// The cache holds another namespace only: whether there is such an object, it cannot say (conformance K3).
    #[error(
        "cannot read {resource} in namespace {namespace} from a cache of {selection}; read from an informer whose \
         selection has that namespace or none (`InformerOptions::with_selection`), or ask the server through the \
         client"
    )]
    OutsideSelection {
        /// The type.
        resource: Box<ResourceType>,
        /// The namespace that was asked for.
        namespace: String,
        /// What the cache holds.
        selection: Box<Selection>,
    },
}

impl ReadError {
    /// Fails when an informer's cache says nothing about a namespace.
    pub(super) fn unless_selected(informer: &Informer, namespace: &str) -> Result<(), Self> {
        let Some(selection) = informer.options().selection_of_one_namespace() else { return Ok(()) };
        if selection.namespace.as_deref() == Some(namespace) {
            return Ok(());
        }
        Err(Self::OutsideSelection {
            resource: Box::new(informer.resource_type().clone()),
            namespace: namespace.to_owned(),
            selection: Box::new(selection.clone()),
        })
    }

    /// The object that could not be read, where it is that of one.
    #[must_use]
    pub fn key(&self) -> Option<&ObjectKey> {
        match self {
            Self::Unreadable(error) => Some(error.key()),
            Self::OutsideSelection { .. } => None,
        }
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.reason(),
            Self::OutsideSelection { .. } => "OutsideSelection",
        }
    }
}
