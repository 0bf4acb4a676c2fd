//! Why an apply failed.

use std::collections::BTreeMap;

use crate::{Status, StatusCause, StatusDetails, StatusReason};

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The manager, as messages name it: `"m1"`, `"kubectl" with subresource "status" using apps/v1`.
    pub manager: String,
    /// The path of the field, as `.spec.containers[name="c"].image`.
    pub field: String,
}

/// Why an apply failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The configuration is not an object.
    #[error("failed to apply: the configuration is not an object")]
    NotAnObject,
    /// The configuration does not fit its type.
    #[error("failed to create typed patch object: {path}: {problem}")]
    Type {
        /// The path of the field.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Other managers own fields that the configuration would change.
    #[error("{}", message(conflicts))]
    Conflicts {
        /// The fields, by manager and path.
        conflicts: Vec<FieldConflict>,
    },
}

impl ApplyError {
    /// A stable word for the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAnObject => "NotAnObject",
            Self::Type { .. } => "TypeMismatch",
            Self::Conflicts { .. } => "Conflict",
        }
    }

    /// The answer of kube-apiserver: 409 with one cause per field for conflicts, 500 for a configuration that does
    /// not fit its type.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::NotAnObject => Status::bad_request(self.to_string()),
            Self::Type { .. } => Status::failure(StatusReason::Unknown, self.to_string()),
            Self::Conflicts { conflicts } => {
                let cause = |conflict: &FieldConflict| StatusCause {
                    reason: "FieldManagerConflict".into(),
                    message: format!("conflict with {}", conflict.manager),
                    field: conflict.field.clone(),
                };
                let causes = conflicts.iter().map(cause).collect();
                Status {
                    details: Some(StatusDetails { causes, ..StatusDetails::default() }),
                    ..Status::failure(StatusReason::Conflict, self.to_string())
                }
            }
        }
    }
}

fn message(conflicts: &[FieldConflict]) -> String {
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", only.manager, only.field);
    }
    let mut managers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for conflict in conflicts {
        managers.entry(&conflict.manager).or_default().push(&conflict.field);
    }
    let mut lines = Vec::new();
    for (manager, fields) in managers {
        lines.push(format!("conflicts with {manager}:"));
        lines.extend(fields.into_iter().map(|field| format!("- {field}")));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}
