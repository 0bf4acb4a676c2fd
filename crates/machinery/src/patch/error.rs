//! Why a patch did not apply.

use crate::{Status, StatusReason};

/// Why a patch did not apply to an object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The body is not a patch of its kind at all.
    #[error("failed to read the patch: it is {found}, not {expected}")]
    NotAPatch {
        /// What a patch of this kind has to be.
        expected: &'static str,
        /// What the body is.
        found: &'static str,
    },
    /// A JSON patch has more than [`MAX_OPERATIONS`](super::MAX_OPERATIONS) operations.
    #[error("failed to apply the patch: {count} operations are more than the {limit} allowed")]
    TooManyOperations {
        /// Operations in the patch.
        count: usize,
        /// Operations allowed.
        limit: usize,
    },
    /// The `copy` operations of a JSON patch copy more than [`MAX_COPIED_BYTES`](super::MAX_COPIED_BYTES).
    #[error("failed to apply the patch: its copy operations copy more than {limit} bytes")]
    CopiesTooMuch {
        /// Bytes allowed.
        limit: usize,
    },
    /// An operation of a JSON patch nests values deeper than a JSON reader accepts.
    #[error("failed to apply operation {index} of the patch: the object would be nested too deeply")]
    TooDeep {
        /// Position of the operation, from 0.
        index: usize,
    },
    /// An operation of a JSON patch is not one of RFC 6902.
    #[error("failed to read operation {index} of the patch")]
    Operation {
        /// Position of the operation, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// An operation of a JSON patch does not apply: its path is missing, or its `test` failed.
    #[error("failed to apply operation {index} of the patch at {path:?}")]
    Unapplicable {
        /// Position of the operation, from 0.
        index: usize,
        /// JSON pointer of the operation.
        path: String,
        /// Why it does not apply.
        #[source]
        source: json_patch::PatchErrorKind,
    },
    /// A strategic merge patch does not apply.
    #[error("failed to apply the strategic merge patch at {path:?}")]
    Strategic {
        /// JSON path of the place; empty for the object itself.
        path: String,
        /// Why it does not apply.
        #[source]
        source: StrategicProblem,
    },
}

/// Why a strategic merge patch does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategicProblem {
    /// The value of `$patch` is not one of those that apply here.
    #[error("unknown patch type {directive}: delete and replace are known")]
    Directive {
        /// The value as JSON.
        directive: String,
    },
    /// An element of a merged list does not have its key.
    #[error("an element does not have the merge key {key:?}")]
    MissingMergeKey {
        /// The key of the list.
        key: String,
    },
    /// The elements are objects, and the type of the list has no key to merge them by.
    #[error("the elements are objects, and the list has no merge key")]
    NoMergeKey,
    /// The type has no such field.
    #[error("the type has no such field")]
    UnknownField,
    /// The elements of a merged list are of several JSON types.
    #[error("the elements are of several types")]
    MixedList,
    /// The elements of a merged list are lists.
    #[error("the elements are lists")]
    ListOfLists,
    /// `$retainKeys` is not a list of names.
    #[error("$retainKeys is not a list of names")]
    RetainKeysFormat,
    /// The patch sets a field that its `$retainKeys` does not name.
    #[error("the patch sets a field that $retainKeys does not name")]
    RetainKeysMismatch,
    /// `$setElementOrder`, or what it orders, is not a list.
    #[error("$setElementOrder, or what it orders, is not a list")]
    OrderFormat,
    /// The elements of the patch stand in another order than `$setElementOrder` says.
    #[error("the elements stand in another order than $setElementOrder says")]
    OrderMismatch,
    /// `$deleteFromPrimitiveList` is not a list of scalars.
    #[error("$deleteFromPrimitiveList is not a list of scalars")]
    PrimitiveListFormat,
}

impl StrategicProblem {
    /// Whether the patch could not apply to any object.
    fn is_malformed(&self) -> bool {
        matches!(
            self,
            Self::Directive { .. }
                | Self::RetainKeysFormat
                | Self::RetainKeysMismatch
                | Self::OrderFormat
                | Self::OrderMismatch
                | Self::PrimitiveListFormat
        )
    }
}

impl PatchError {
    /// A stable word for the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAPatch { .. } => "NotAPatch",
            Self::TooManyOperations { .. } => "TooManyOperations",
            Self::CopiesTooMuch { .. } => "CopiesTooMuch",
            Self::TooDeep { .. } => "TooDeep",
            Self::Operation { .. } => "BadOperation",
            Self::Unapplicable { .. } => "Unapplicable",
            Self::Strategic { .. } => "Unmergeable",
        }
    }

    /// The answer of kube-apiserver to such a patch: 400 for a body that is no patch, 413 for one that is too
    /// large, 422 for one that does not apply.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::NotAPatch { .. } => Status::bad_request(self.to_string()),
            Self::Strategic { path, source } => {
                let reason =
                    if source.is_malformed() { StatusReason::BadRequest } else { StatusReason::Invalid };
                Status::failure(reason, format!("{path}: {source}"))
            }
            Self::TooManyOperations { count, limit } => Status::failure(
                StatusReason::RequestEntityTooLarge,
                format!("The allowed maximum operations in a JSON patch is {limit}, got {count}"),
            ),
            Self::CopiesTooMuch { .. }
            | Self::TooDeep { .. }
            | Self::Operation { .. }
            | Self::Unapplicable { .. } => {
                let words = "the server rejected our request due to an error in our request";
                let mut status = Status::failure(StatusReason::Invalid, words);
                status.details = Some(crate::StatusDetails::default());
                status
            }
        }
    }
}

/// What a JSON value is, for messages.
pub(super) fn kind_of(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}
