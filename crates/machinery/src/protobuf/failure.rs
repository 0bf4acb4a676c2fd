//! How reading a typed value fails while it is going on.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::error::{DecodeError, WireError, joined};

/// An error on its way out: where, and what.
#[derive(Debug)]
pub(super) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    path: String,
    problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
enum Problem {
    Wire(WireError),
    /// The type refuses the value.
    Type(String),
    /// A field comes in several pieces, which must be put together first.
    Scattered,
}

impl Failure {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Parts { path: String::new(), problem }))
    }

    /// A field comes in several pieces.
    pub(super) fn scattered() -> Self {
        Self::new(Problem::Scattered)
    }

    /// Whether a field comes in several pieces.
    pub(super) fn is_scattered(&self) -> bool {
        matches!(self.0.problem, Problem::Scattered)
    }

    /// The same failure, one level further out.
    pub(super) fn within(mut self, outer: &str) -> Self {
        self.0.path = joined(outer, &self.0.path);
        self
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::new(Problem::Wire(error))
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Field { path, source } => {
                Self(Box::new(Parts { path, problem: Problem::Wire(source) }))
            }
            other => Self::new(Problem::Type(other.to_string())),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            return Self::new(Problem::Type(error.to_string()));
        }
        Self::new(Problem::Wire(WireError::BadJson(error.to_string())))
    }
}

impl From<Failure> for DecodeError {
    fn from(failure: Failure) -> Self {
        let Parts { path, problem } = *failure.0;
        match problem {
            Problem::Wire(source) => Self::Field { path, source },
            Problem::Type(message) => Self::Type { path, message },
            Problem::Scattered => Self::Type { path, message: "a field comes in several pieces".into() },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.problem {
            Problem::Wire(error) => error.fmt(formatter),
            Problem::Type(message) => formatter.write_str(message),
            Problem::Scattered => formatter.write_str("a field comes in several pieces"),
        }
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Type(message.to_string()))
    }

    /// In the words of JSON, where nothing is null.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unit => Self::custom(format_args!("invalid type: null, expected {expected}")),
            found => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}
