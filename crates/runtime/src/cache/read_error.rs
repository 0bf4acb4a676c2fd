//! Why a read of a cache gives no objects.

use pilothouse_machinery::{ObjectKey, ResourceType};

use super::wanted::Wanted;
use super::{DecodeError, Informer, Selection};

/// A typed read of a cache failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An object that the read meets does not fit the type.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// The read names something that the cache's selection leaves out: whether there are such objects, the cache cannot
    /// say (conformance K3).
    #[error(
        "cannot read {resource} {wanted} from a cache of {selection}; read from an informer whose selection includes \
         that (`InformerOptions::with_selection`), or ask the server through the client"
    )]
    OutsideSelection {
        /// The type.
        resource: Box<ResourceType>,
        /// What was asked for, in words: `in namespace other`.
        wanted: String,
        /// What the cache holds.
        selection: Box<Selection>,
    },
    /// The cache has just started and does not hold its first list yet: what there is, it cannot say. Try again soon.
    #[error("cannot read {resource} from a cache that is not filled yet")]
    NotFilled {
        /// The type.
        resource: Box<ResourceType>,
    },
    /// The controller does not declare the type, and is told to read no others (conformance K2).
    #[error(
        "cannot read {resource}, which the controller does not declare; add `.reads::<{}>()` to it, or ask the server \
         through the client", resource.kind
    )]
    Undeclared {
        /// The type.
        resource: Box<ResourceType>,
    },
}

impl ReadError {
    /// Fails when an informer's cache says nothing about what is wanted.
    pub(super) fn unless_selected(informer: &Informer, wanted: &Wanted<'_>) -> Result<(), Self> {
        let Some(selection) = informer.options().given_selection() else { return Ok(()) };
        let Some(wanted) = wanted.left_out_by(selection) else { return Ok(()) };
        let (resource, selection) = (Box::new(informer.resource_type().clone()), Box::new(selection.clone()));
        Err(Self::OutsideSelection { resource, wanted, selection })
    }

    /// The object that could not be read, where it is that of one.
    #[must_use]
    pub fn key(&self) -> Option<&ObjectKey> {
        match self {
            Self::Unreadable(error) => Some(error.key()),
            Self::OutsideSelection { .. } | Self::NotFilled { .. } | Self::Undeclared { .. } => None,
        }
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.reason(),
            Self::OutsideSelection { .. } => "OutsideSelection",
            Self::NotFilled { .. } => "CacheNotFilled",
            Self::Undeclared { .. } => "UndeclaredRead",
        }
    }
}
