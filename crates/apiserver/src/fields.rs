//! Fields that a type does not have.

use pilothouse_machinery::Status;
use serde_json::Value;

use crate::kind::Kind;
use crate::request::FieldValidation;

/// Finds the fields of `object` that its type does not have; answers warnings, or refuses the object.
pub(crate) fn check_fields(
    _kind: &Kind,
    _object: &mut Value,
    _validation: FieldValidation,
) -> Result<Vec<String>, Status> {
    Ok(Vec::new())
}
