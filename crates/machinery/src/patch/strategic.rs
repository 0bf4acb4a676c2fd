//! Strategic merge patches: merge patches that know the type of the object, and merge its lists by key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::directive::{
    Object, PATCH, RETAIN_KEYS, cleaned, is_directive, ordered_list, orders, shortened_list,
    taken_over_fields,
};
use super::error::{PatchError, StrategicProblem, kind_of};
use super::strategic_list::{delete_from_list, merge_list, merge_ordered_list};
use crate::schema::{FieldType, MergeStrategy, MessageType, Shape};

/// Applies a strategic merge patch to an object of this type; `object` is unchanged when it fails.
///
/// Null removes a field; objects merge; lists that the type merges are merged by key (or as sets of scalars) with new
/// items first, all others are replaced. Directives: `$patch: delete` and `replace` in an object or an element of a
/// list, `$retainKeys`, `$setElementOrder/list`, `$deleteFromPrimitiveList/list`. Behaviour follows
/// `k8s.io/apimachinery/pkg/util/strategicpatch`; `$patch: merge` is refused there and here.
///
/// # Errors
///
/// [`PatchError::NotAPatch`] unless `patch` is an object, [`PatchError::Strategic`] when a directive is malformed or
/// contradicts the patch, or an element has no merge key.
pub fn strategic_merge(object: &mut Value, patch: &Value, message: &MessageType) -> Result<(), PatchError> {
    let fields = patch
        .as_object()
        .ok_or_else(|| PatchError::NotAPatch { expected: "an object", found: kind_of(patch) })?;
    let mut draft = object.as_object().cloned().unwrap_or_default();
    merge_object(&mut draft, fields, Place::Struct(message))
        .map_err(|Fault { path, problem }| PatchError::Strategic { path, source: problem })?;
    *object = Value::Object(draft);
    Ok(())
}

/// Why a patch does not apply, and where.
#[derive(Debug)]
pub(super) struct Fault {
    path: String,
    problem: StrategicProblem,
}

impl From<StrategicProblem> for Fault {
    fn from(problem: StrategicProblem) -> Self {
        Self { path: String::new(), problem }
    }
}

impl Fault {
    fn within(self, outer: &str) -> Self {
        let path = if self.path.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.path) };
        Self { path, ..self }
    }
}

/// What is known about the objects at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// They are of this type.
    Struct(&'a MessageType),
    /// They are maps whose values are as this field says.
    Entries(&'a FieldType),
    /// Nothing.
    Any,
}

impl<'a> Place<'a> {
    fn of(message: Option<&'a MessageType>) -> Self {
        message.map_or(Self::Any, Self::Struct)
    }

    /// What is known about a field, or about its elements if it is a list, and how a list merges.
    pub(super) fn field(self, name: &str) -> Result<(Self, Option<&'a MergeStrategy>), StrategicProblem> {
        match self {
            Self::Struct(message) => {
                let field = message.field(name).ok_or(StrategicProblem::UnknownField)?;
                let place = match field.shape {
                    Shape::Map => Self::Entries(field),
                    _ => Self::of(field.message()),
                };
                Ok((place, Some(&field.strategy)))
            }
            Self::Entries(field) => Ok((Self::of(field.message()), None)),
            Self::Any => Ok((Self::Any, None)),
        }
    }
}

pub(super) fn merge_object(original: &mut Object, patch: &Object, place: Place<'_>) -> Result<(), Fault> {
    match patch.get(PATCH) {
        None => {}
        Some(directive) if directive == "replace" => {
            *original = taken_over_fields(patch);
            return Ok(());
        }
        Some(directive) if directive == "delete" => {
            original.clear();
            return Ok(());
        }
        Some(directive) => {
            return Err(StrategicProblem::Directive { directive: directive.to_string() }.into());
        }
    }
    if let Some(names) = patch.get(RETAIN_KEYS) {
        retain_keys(original, patch, names)?;
    }
    for (key, value) in patch {
        if let Some(name) = ordered_list(key) {
            merge_ordered_list(original, name, patch.get(name), value, place)
                .map_err(|fault| fault.within(name))?;
        } else if let Some(name) = shortened_list(key) {
            delete_from_list(original, name, value).map_err(|problem| Fault::from(problem).within(name))?;
        }
    }
    for (name, value) in patch {
        if !is_directive(name) && !orders(patch, name) {
            merge_field(original, name, value, place).map_err(|fault| fault.within(name))?;
        }
    }
    Ok(())
}

fn merge_field(original: &mut Object, name: &str, value: &Value, place: Place<'_>) -> Result<(), Fault> {
    match (original.get_mut(name), value) {
        (Some(Value::Object(fields)), Value::Object(patch)) => {
            let (place, strategy) = place.field(name)?;
            if strategy.is_some_and(|strategy| strategy.replace) {
                *fields = taken_over_fields(patch);
            } else {
                merge_object(fields, patch, place)?;
            }
        }
        (Some(Value::Array(items)), Value::Array(patch)) => {
            let (place, strategy) = place.field(name)?;
            merge_list(items, patch, strategy, place)?;
        }
        (_, Value::Null) => {
            original.remove(name);
        }
        (_, value) => {
            match cleaned(value) {
                Some(value) => original.insert(name.to_owned(), value),
                None => original.remove(name),
            };
        }
    }
    Ok(())
}

/// Drops all fields of the original that the patch does not retain; the patch may set retained ones only.
fn retain_keys(original: &mut Object, patch: &Object, names: &Value) -> Result<(), StrategicProblem> {
    let names = names.as_array().ok_or(StrategicProblem::RetainKeysFormat)?;
    let names: Option<BTreeSet<_>> = names.iter().map(Value::as_str).collect();
    let names = names.ok_or(StrategicProblem::RetainKeysFormat)?;
    let stray = |(key, value): (&String, &Value)| {
        !value.is_null() && !is_directive(key) && !names.contains(key.as_str())
    };
    if patch.iter().any(stray) {
        return Err(StrategicProblem::RetainKeysMismatch);
    }
    original.retain(|key, _| names.contains(key.as_str()));
    Ok(())
}
