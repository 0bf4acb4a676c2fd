//! How a call of a dependency fails.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::Dependency;
use crate::manager::BoxError;
use crate::{ClientError, ReconcileError};

/// Why a call of a dependency did not succeed.
///
/// `?` in a reconciler turns it into a [`ReconcileError`]: a rejection postpones the object; a failure that is a
/// [`ReconcileError`] or a [`ClientError`] stays what it is; any other failure, or a timeout, is retryable.
#[derive(Debug)]
pub enum CallError<E> {
    /// The call was not made.
    Rejected(Rejected),
    /// The call took longer than the dependency's time limit, and was given up.
    TimedOut {
        /// The name of the dependency.
        dependency: String,
        /// How long the call had.
        after: Duration,
    },
    /// The call was made and failed.
    Failed {
        /// The name of the dependency.
        dependency: String,
        /// How.
        source: E,
    },
}

/// A call that was not made, because the dependency fails or is busy.
///
/// An error with this among its causes postpones the object: see [`ReconcileError::is_postponed`].
#[derive(Debug)]
pub struct Rejected {
    pub(super) dependency: Dependency,
    pub(super) reason: Reason,
}

/// Why a call was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Open,
    Probing,
    Full,
}

impl Rejected {
    /// The dependency.
    #[must_use]
    pub fn dependency(&self) -> &Dependency {
        &self.dependency
    }

    /// A stable word: `BreakerOpen`, `BreakerProbing` (it is open but for one call), `BulkheadFull`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.reason {
            Reason::Open => "BreakerOpen",
            Reason::Probing => "BreakerProbing",
            Reason::Full => "BulkheadFull",
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.dependency.name();
        match self.reason {
            Reason::Open => write!(formatter, "the circuit breaker of {name} is open"),
            Reason::Probing => {
                write!(formatter, "the circuit breaker of {name} waits for the outcome of one call")
            }
            Reason::Full => write!(formatter, "{name} has as many calls in flight as it may"),
        }
    }
}

impl Error for Rejected {}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => write!(formatter, "cannot call {}", rejected.dependency.name()),
            Self::TimedOut { dependency, after } => {
                write!(formatter, "cannot call {dependency}: no answer within {after:?}")
            }
            Self::Failed { dependency, .. } => write!(formatter, "cannot call {dependency}"),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::TimedOut { .. } => None,
            Self::Failed { source, .. } => Some(source),
        }
    }
}

/// A failed call as the cause of a failed reconcile.
#[derive(Debug, thiserror::Error)]
#[error("cannot call {dependency}")]
struct Failed {
    dependency: String,
    #[source]
    source: BoxError,
}

impl<E: Into<BoxError>> From<CallError<E>> for ReconcileError {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Rejected(rejected) => Self::retryable_because(rejected.reason(), rejected),
            CallError::TimedOut { dependency, after } => {
                let text = format!("cannot call {dependency}: no answer within {after:?}");
                Self::retryable_because("DependencyTimeout", text)
            }
            CallError::Failed { dependency, source } => {
                let source: BoxError = source.into();
                let source = match source.downcast::<Self>() {
                    Ok(error) => return *error,
                    Err(source) => source,
                };
                match source.downcast::<ClientError>() {
                    Ok(error) => Self::from(*error),
                    Err(source) => Self::retryable_because("DependencyFailed", Failed { dependency, source }),
                }
            }
        }
    }
}
