//! Label and field selectors: reading, printing, matching.
//!
//! Grammar and messages follow `k8s.io/apimachinery/pkg/labels` and `.../pkg/fields`.

mod error;
mod field;
mod label;
mod label_parser;
mod label_rules;

#[cfg(test)]
mod tests;

pub use error::SelectorError;
pub use field::{FieldOperator, FieldSelector, FieldTerm};
pub use label::{LabelSelector, Operator, Requirement};
pub use label_rules::{check_label_key, check_label_value};
