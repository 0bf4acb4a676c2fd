//! The words of field errors, as `k8s.io/apimachinery/pkg/util/validation/field` writes them.

use pilothouse_machinery::StatusCause;
use serde_json::Value;

fn cause(reason: &str, field: impl Into<String>, message: String) -> StatusCause {
    StatusCause { reason: reason.into(), message, field: field.into() }
}

fn with_detail(head: String, detail: &str) -> String {
    if detail.is_empty() { head } else { format!("{head}: {detail}") }
}

/// The field must be there; `detail` may be empty.
pub(crate) fn required(field: impl Into<String>, detail: &str) -> StatusCause {
    cause("FieldValueRequired", field, with_detail("Required value".into(), detail))
}

/// The value is malformed or out of bounds.
pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> StatusCause {
    cause("FieldValueInvalid", field, with_detail(format!("Invalid value: {value}"), detail))
}

/// As [`invalid`], without printing the value.
pub(crate) fn invalid_omitting_value(field: impl Into<String>, detail: &str) -> StatusCause {
    cause("FieldValueInvalid", field, with_detail("Invalid value".into(), detail))
}

/// The value is of the wrong type: `value` is the name of the type found.
pub(crate) fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> StatusCause {
    cause("FieldValueTypeInvalid", field, with_detail(format!("Invalid value: {value}"), detail))
}

/// The value is none of the few allowed ones.
pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> StatusCause {
    let supported: Vec<_> = supported.iter().map(|value| format!("{value:?}")).collect();
    let detail = format!("supported values: {}", supported.join(", "));
    cause("FieldValueNotSupported", field, with_detail(format!("Unsupported value: {value}"), &detail))
}

/// The value would be fine elsewhere or at another time.
pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> StatusCause {
    cause("FieldValueForbidden", field, with_detail("Forbidden".into(), detail))
}

/// The value must be unique and is not.
pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> StatusCause {
    cause("FieldValueDuplicate", field, format!("Duplicate value: {value}"))
}

/// The value, counted in bytes, is too long.
pub(crate) fn too_long(field: impl Into<String>, maximum: usize) -> StatusCause {
    let unit = if maximum == 1 { "byte" } else { "bytes" };
    cause("FieldValueTooLong", field, format!("Too long: may not be more than {maximum} {unit}"))
}

/// The list has too many items.
pub(crate) fn too_many(field: impl Into<String>, actual: usize, maximum: u64) -> StatusCause {
    let unit = if maximum == 1 { "item" } else { "items" };
    cause("FieldValueTooMany", field, format!("Too many: {actual}: must have at most {maximum} {unit}"))
}

/// A number that may not be negative, if it is there.
pub(crate) fn not_negative(causes: &mut Vec<StatusCause>, parent: &str, object: &Value, name: &str) {
    if let Some(number) = object.get(name).and_then(Value::as_i64).filter(|number| *number < 0) {
        let field = format!("{parent}.{name}");
        causes.push(invalid(field, &number.into(), "must be greater than or equal to 0"));
    }
}

/// A field that an update may not change.
pub(crate) fn immutable(
    causes: &mut Vec<StatusCause>,
    field: impl Into<String>,
    new: Option<&Value>,
    old: Option<&Value>,
) {
    if new != old {
        causes.push(invalid(field, new.unwrap_or(&Value::Null), "field is immutable"));
    }
}
