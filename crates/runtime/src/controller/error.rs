//! How a reconcile and a controller fail.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::InformerTrouble;
use crate::dependency::Rejected;
use crate::manager::BoxError;
use crate::{ClientError, DecodeError, Object, ObjectKey, ReadError, ResourceType};

/// Why a reconcile did not reach its goal.
///
/// A retryable error is tried again after a growing delay; a terminal one only when something changes; one that waits
/// for a dependency when that changes, without counting as a failure. Errors
/// of the client are retryable, also those that refuse what was asked: permissions and admission rules
/// change, and the refusal may be due to a cache that was behind. What cannot even be written as a request,
/// or cannot be read from the cache, is terminal. A call that a [`Dependency`](crate::dependency::Dependency) rejected
/// postpones the object: it is no failure, and burns no attempt.
#[derive(Debug, thiserror::Error)]
#[error("cannot reconcile: {reason}")]
pub struct ReconcileError {
    reason: Cow<'static, str>,
    class: Class,
    #[source]
    source: BoxError,
}

/// What is done about an error.
#[derive(Clone, Debug)]
enum Class {
    Retryable,
    Terminal,
    WaitsFor(Box<Dependency>),
}

/// An object that a reconcile waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dependency {
    pub(super) resource: ResourceType,
    pub(super) key: ObjectKey,
}

impl ReconcileError {
    /// An error that may be gone next time. Takes any error, or a text.
    pub fn retryable(source: impl Into<BoxError>) -> Self {
        Self::retryable_because("ReconcileFailed", source)
    }

    /// As [`retryable`](Self::retryable), with a `CamelCase` reason of its own.
    pub fn retryable_because(reason: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self { reason: reason.into(), class: Class::Retryable, source: source.into() }
    }

    /// An error that trying again does not cure, with a `CamelCase` reason. Takes any error, or a text.
    pub fn terminal(reason: impl Into<Cow<'static, str>>, source: impl Into<BoxError>) -> Self {
        Self { reason: reason.into(), class: Class::Terminal, source: source.into() }
    }

    /// Nothing can be done before the object `key` of type `K` changes, is made or goes; `why` says what is missing.
    /// Takes any error, or a text.
    ///
    /// Not a failure: no attempt is counted, nothing is logged as an error. The reconcile is repeated when the object
    /// changes, however soon after it was looked at, and after ten minutes in any case. Of several such objects, name
    /// one: the next reconcile may name another. A type that the controller does not watch is watched from now on.
    pub fn wait_for<K: Object>(key: ObjectKey, why: impl Into<BoxError>) -> Self {
        let class = Class::WaitsFor(Box::new(Dependency { resource: K::resource_type(), key }));
        Self { reason: "WaitsForDependency".into(), class, source: why.into() }
    }

    /// A stable word for events and metric labels.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether trying again is pointless until something changes.
    pub fn is_terminal(&self) -> bool {
        matches!(self.class, Class::Terminal)
    }

    /// The object whose change the reconcile waits for, where it does.
    pub fn awaited(&self) -> Option<(&ResourceType, &ObjectKey)> {
        self.dependency().map(|dependency| (&dependency.resource, &dependency.key))
    }

    pub(super) fn dependency(&self) -> Option<&Dependency> {
        match &self.class {
            Class::WaitsFor(dependency) => Some(dependency),
            Class::Retryable | Class::Terminal => None,
        }
    }

    /// Whether a call that a dependency rejected is among the causes of an error that is retryable: then the object
    /// waits for room there, and no failure is counted.
    pub fn is_postponed(&self) -> bool {
        self.rejection().is_some()
    }

    /// The same error for one of several objects that it concerns.
    pub(super) fn shared(error: &Arc<Self>) -> Self {
        let source = Box::new(SharedError(Arc::clone(error)));
        Self { reason: error.reason.clone(), class: error.class.clone(), source }
    }

    pub(super) fn rejection(&self) -> Option<&Rejected> {
        if !matches!(self.class, Class::Retryable) {
            return None;
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*self.source);
        while let Some(error) = cause {
            if let Some(rejected) = error.downcast_ref::<Rejected>() {
                return Some(rejected);
            }
            if let Some(error) = error.downcast_ref::<Self>() {
                return error.rejection();
            }
            if let Some(SharedError(error)) = error.downcast_ref() {
                return error.rejection();
            }
            cause = error.source();
        }
        None
    }
}

/// The cause of an error that concerns several objects.
#[derive(Debug)]
struct SharedError(Arc<ReconcileError>);

impl fmt::Display for SharedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.fmt(formatter)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.source()
    }
}

impl From<ClientError> for ReconcileError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Encode { .. } | ClientError::Name { .. } | ClientError::Request { .. } => {
                Self::terminal(error.reason(), error)
            }
            _ => Self::retryable_because(error.reason(), error),
        }
    }
}

impl From<DecodeError> for ReconcileError {
    fn from(error: DecodeError) -> Self {
        Self::terminal(error.reason(), error)
    }
}

impl From<ReadError> for ReconcileError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFilled { .. } => Self::retryable_because(error.reason(), error),
            _ => Self::terminal(error.reason(), error),
        }
    }
}

/// Why a controller ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// A cache that the controller needs did not receive its first list in time.
    #[error("cannot start controller {controller}: the cache of {resource} is not filled after {waited:?}")]
    NotSynced {
        /// The controller.
        controller: String,
        /// The first type that is missing.
        resource: ResourceType,
        /// How long the controller waited.
        waited: Duration,
        /// What keeps its informer from following the server, where that is known: verb, reason and remedy.
        #[source]
        trouble: Option<Box<InformerTrouble>>,
    },
    /// The changes of a type that the controller watches have ended: its informer was shut down or failed.
    #[error("cannot go on with controller {controller}: the changes of {resource} have ended")]
    SourceEnded {
        /// The controller.
        controller: String,
        /// The type.
        resource: ResourceType,
    },
}

/// An error and its causes in one line, for logs.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_line_names_every_cause_once() {
        let inner = ReconcileError::retryable("the disk is full");
        let outer = ReconcileError::terminal("Unsolvable", inner);
        assert_eq!(
            chain(&outer),
            "cannot reconcile: Unsolvable: cannot reconcile: ReconcileFailed: the disk is full"
        );
        assert_eq!((outer.reason(), outer.is_terminal()), ("Unsolvable", true));
    }
}
