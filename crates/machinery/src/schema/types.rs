//! A type of the API, its fields and what may stand in them.

use std::borrow::Cow;

use serde_json::Value;

use super::table::Schema;

/// A struct of the API: a whole object, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageType {
    /// Its name: Go package and type, as `core/v1.PodSpec`.
    pub name: Cow<'static, str>,
    /// Its fields, in the order of their declaration.
    pub fields: Vec<FieldType>,
    /// Whether server-side apply treats it as one value, wherever it stands.
    pub atomic: bool,
    /// Whether it may have fields that are not declared.
    pub open: bool,
}

/// A field of a [`MessageType`].
#[derive(Clone, Debug, PartialEq)]
pub struct FieldType {
    /// Its name in JSON; the name of the struct for an [inline](Self::inline) field.
    pub json_name: Cow<'static, str>,
    /// Its number in protobuf; 0 when protobuf does not carry it.
    pub tag: u32,
    /// One value, a list or a map.
    pub shape: Shape,
    /// What the value, or each element, is.
    pub kind: ValueKind,
    /// Whether it is an embedded struct: a message of its own in protobuf, part of the outer object in JSON.
    pub inline: bool,
    /// What Go's JSON leaves out.
    pub omission: Omission,
    /// Whether the API demands it: marked so, or neither marked optional nor left out when empty.
    pub required: bool,
    /// How a strategic merge patch treats it.
    pub strategy: MergeStrategy,
    /// How server-side apply treats it.
    pub ownership: Ownership,
    /// The value that the API gives it when it is absent, where the type says so.
    pub default: Option<Value>,
}

/// When Go's JSON encoder leaves a field out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omission {
    /// Never.
    Never,
    /// When it is empty: a zero scalar, or no value, list or map. A zero struct is still written.
    Empty,
    /// When it is empty or a zero struct.
    Zero,
}

/// How many values a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One; the zero value when absent.
    One,
    /// One or none.
    Pointer,
    /// A list.
    List,
    /// A map with string keys.
    Map,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Text; enumerations are text too.
    String,
    /// Bytes: base64 in JSON.
    Bytes,
    /// A boolean.
    Bool,
    /// A signed number of 32 bits.
    Int32,
    /// A signed number of 64 bits.
    Int64,
    /// A floating-point number.
    Double,
    /// `metav1.Time`: RFC 3339 with seconds.
    Time,
    /// `metav1.MicroTime`: RFC 3339 with microseconds.
    MicroTime,
    /// `resource.Quantity`: text as `1500m`.
    Quantity,
    /// `intstr.IntOrString`: a number or text.
    IntOrString,
    /// `runtime.RawExtension`: any object.
    Raw,
    /// `metav1.FieldsV1`: a set of fields.
    Fields,
    /// Any JSON value.
    Json,
    /// `JSONSchemaPropsOrBool`.
    SchemaOrBool,
    /// `JSONSchemaPropsOrArray`.
    SchemaOrArray,
    /// `JSONSchemaPropsOrStringArray`.
    SchemaOrStrings,
    /// A list of texts that protobuf wraps in a message of its own.
    Strings,
    /// A struct.
    Message(MessageReference),
}

/// The struct that a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageReference {
    /// Position in [`Schema::builtin`].
    Builtin(usize),
    /// A type of its own, as a custom resource has.
    Owned(Box<MessageType>),
}

/// How a strategic merge patch treats a field (`patchStrategy` and `patchMergeKey` of the Go types).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeStrategy {
    /// Lists are merged, not replaced.
    pub merge: bool,
    /// Objects are replaced, not merged.
    pub replace: bool,
    /// The patch may name the keys to keep.
    pub retain_keys: bool,
    /// The field that identifies an element of a merged list of structs.
    pub merge_key: Option<Cow<'static, str>>,
}

/// How server-side apply treats a field (`listType`, `mapType`, `structType` of the Go types).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// As its shape is by default: structs and maps by field, lists as one value.
    #[default]
    Default,
    /// One value with one set of owners.
    Atomic,
    /// A list of distinct scalars, each owned on its own.
    Set,
    /// A list of structs, each identified by these fields.
    Map(Vec<Cow<'static, str>>),
}

impl MessageReference {
    /// The struct.
    #[must_use]
    pub fn get(&self) -> &MessageType {
        match self {
            Self::Builtin(index) => Schema::builtin().at(*index),
            Self::Owned(message) => message,
        }
    }
}

impl MessageType {
    /// The field of this JSON name, looking through inline structs; the name of an inline struct itself is no field.
    #[must_use]
    pub fn field(&self, json_name: &str) -> Option<&FieldType> {
        self.fields.iter().find_map(|field| match field.inlined() {
            Some(inner) => inner.field(json_name),
            None => (field.json_name == json_name).then_some(field),
        })
    }

    /// The field of this protobuf number; inline structs are fields here.
    #[must_use]
    pub fn tagged(&self, tag: u32) -> Option<&FieldType> {
        self.fields.iter().find(|field| field.tag == tag && tag != 0)
    }
}

impl FieldType {
    /// Whether Go's JSON leaves it out when it is empty.
    #[must_use]
    pub fn omits_empty(&self) -> bool {
        self.omission != Omission::Never
    }

    /// Whether Go's JSON leaves it out when it is a zero struct.
    #[must_use]
    pub fn omits_zero(&self) -> bool {
        self.omission == Omission::Zero
    }

    /// The struct that the value, or each element, is.
    #[must_use]
    pub fn message(&self) -> Option<&MessageType> {
        match &self.kind {
            ValueKind::Message(reference) => Some(reference.get()),
            _ => None,
        }
    }

    /// The struct whose fields stand in place of this field in JSON.
    #[must_use]
    pub fn inlined(&self) -> Option<&MessageType> {
        if self.inline { self.message() } else { None }
    }
}
