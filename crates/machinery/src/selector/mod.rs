//! Label and field selectors: reading, printing, matching.
//!
//! Grammar and messages follow `k8s.io/apimachinery/pkg/labels` and `.../pkg/fields`.

mod field;
mod label;
mod label_parser;
mod label_rules;

#[cfg(test)]
mod tests;

pub use field::{FieldOperator, FieldSelector, FieldTerm};
pub use label::{LabelSelector, Operator, Requirement};
pub use label_rules::{check_label_key, check_label_value};

/// A selector could not be read; the message says where, in the words of kube-apiserver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub(crate) String);
