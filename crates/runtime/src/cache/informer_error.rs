//! Why there is no informer.

use pilothouse_machinery::ResourceType;

use super::InformerOptions;

/// An informer could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InformerError {
    /// The informer runs, and one of the options asked for is not as it runs.
    #[error(
        "cannot share the informer of {resource}: {option} is {running} where it runs and {wanted} where it is \
         asked for; leave the option open in one of the two places, or set both alike"
    )]
    Conflict {
        /// The type.
        resource: Box<ResourceType>,
        /// The option, in words.
        option: &'static str,
        /// How the informer runs.
        running: String,
        /// What is asked for.
        wanted: String,
    },
    /// An informer of the type runs, so that it is too late to say how.
    #[error(
        "cannot configure the informers of {resource}: one runs; configure them before the first controller, lister \
         or subscription asks for one"
    )]
    Running {
        /// The type.
        resource: Box<ResourceType>,
    },
    /// One namespace is selected of a type whose objects have none.
    #[error(
        "cannot select {resource} in namespace {namespace}: they are cluster-scoped; leave the namespace out"
    )]
    NotNamespaced {
        /// The type.
        resource: Box<ResourceType>,
        /// The namespace.
        namespace: String,
    },
}

impl InformerError {
    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "ConflictingOptions",
            Self::Running { .. } => "InformerRuns",
            Self::NotNamespaced { .. } => "NotNamespaced",
        }
    }

    /// The first option that `wanted` sets and that is otherwise where the informer runs.
    pub(super) fn between(
        resource: &ResourceType,
        running: &InformerOptions,
        wanted: &InformerOptions,
    ) -> Option<Self> {
        let mut pairs = running.words().into_iter().zip(wanted.words());
        let (running, wanted) = pairs.find(|(one, other)| other.is_set && one.value != other.value)?;
        Some(Self::Conflict {
            resource: Box::new(resource.clone()),
            option: wanted.name,
            running: running.value,
            wanted: wanted.value,
        })
    }
}
