//! What server-side apply knows of a value: whether it is owned as a whole, and by what its parts are told apart.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::field_set::PathElement;
use crate::schema::{FieldType, MessageType, Ownership, Schema, Shape, ValueKind};

/// How ownership divides a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    /// It is owned as a whole: a scalar of this kind, or an atomic value.
    Leaf(Option<&'a ValueKind>),
    /// By its declared fields.
    Struct(&'a MessageType),
    /// By its entries.
    Entries(&'a FieldType),
    /// By its elements, which their keys tell apart.
    Keyed(&'a FieldType, &'a [Cow<'static, str>]),
    /// By its elements, which are distinct.
    Set(&'a FieldType),
    /// A custom resource whose type is not known: its metadata is, the rest is deduced.
    CustomRoot,
    /// Objects by their fields, everything else as a whole.
    Deduced,
}

/// A value divided as its view says.
pub(super) enum Parts<'v> {
    Fields(&'v Map<String, Value>),
    Items(&'v [Value]),
    Whole,
}

impl<'a> View<'a> {
    pub(super) fn root(message: Option<&'a MessageType>) -> Self {
        message.map_or(Self::CustomRoot, Self::Struct)
    }

    fn field(field: &'a FieldType) -> Self {
        match (field.shape, &field.ownership) {
            (_, Ownership::Atomic) | (Shape::List, Ownership::Default) => Self::Leaf(None),
            (Shape::One | Shape::Pointer, _) => Self::element(field),
            (Shape::Map, _) => Self::Entries(field),
            (Shape::List, Ownership::Map(keys)) => Self::Keyed(field, keys),
            (Shape::List, Ownership::Set) => Self::Set(field),
        }
    }

    fn element(field: &'a FieldType) -> Self {
        match field.message() {
            Some(message) if message.atomic => Self::Leaf(None),
            Some(message) => Self::Struct(message),
            None => Self::Leaf(Some(&field.kind)),
        }
    }

    /// The view of a field or entry; `None` when the type has no such field.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        match self {
            Self::Struct(message) => {
                message.field(name).map(Self::field).or_else(|| message.open.then_some(Self::Deduced))
            }
            Self::Entries(field) => Some(Self::element(field)),
            Self::CustomRoot if name == "metadata" => {
                Some(Schema::builtin().message("meta/v1.ObjectMeta").map_or(Self::Deduced, Self::Struct))
            }
            Self::CustomRoot | Self::Deduced => Some(Self::Deduced),
            Self::Leaf(_) | Self::Keyed(..) | Self::Set(_) => None,
        }
    }

    /// The view of an element of a list.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Keyed(field, _) | Self::Set(field) => Self::element(field),
            _ => Self::Leaf(None),
        }
    }

    /// Whether the type itself names the field, as it does not name entries of a map.
    pub(super) fn declares(self, name: &str) -> bool {
        match self {
            Self::Struct(message) => message.field(name).is_some(),
            Self::CustomRoot => true,
            _ => false,
        }
    }

    pub(super) fn parts(self, value: &Value) -> Parts<'_> {
        match (self, value) {
            (
                Self::Struct(_) | Self::Entries(_) | Self::CustomRoot | Self::Deduced,
                Value::Object(fields),
            ) => Parts::Fields(fields),
            (Self::Keyed(..) | Self::Set(_), Value::Array(items)) => Parts::Items(items),
            _ => Parts::Whole,
        }
    }

    /// The step that leads to an element of the list; the name of the key that it lacks, if it lacks one.
    pub(super) fn step(self, item: &Value) -> Result<PathElement, &'a str> {
        let Self::Keyed(field, keys) = self else { return Ok(PathElement::Value(item.to_string())) };
        let mut found = Map::new();
        for key in keys {
            let value = item.get(key.as_ref()).filter(|value| !value.is_null()).cloned();
            let default = || field.message()?.field(key)?.default.clone();
            let value = value.or_else(default).ok_or(key.as_ref())?;
            found.insert(key.clone().into_owned(), value);
        }
        Ok(PathElement::Key(Value::Object(found).to_string()))
    }

    /// The step to an element of a stored list, which may lack keys.
    pub(super) fn lenient_step(self, item: &Value) -> PathElement {
        self.step(item).unwrap_or_else(|_| PathElement::Value(item.to_string()))
    }

    /// The view of what a step leads to.
    pub(super) fn follow(self, step: &PathElement) -> Self {
        match step {
            PathElement::Field(name) => self.child(name).unwrap_or(Self::Deduced),
            _ => self.item(),
        }
    }
}
