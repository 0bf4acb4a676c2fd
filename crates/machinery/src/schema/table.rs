//! The table of types: reading it, and finding types in it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::types::{
    FieldType, MergeStrategy, MessageReference, MessageType, Omission, Ownership, Shape, ValueKind,
};
use crate::GroupVersionKind;

const BUILTIN: &str = include_str!("../../data/schema.txt");

/// Kinds that every group speaks: a client sends them under the group and version of the resource it calls.
const COMMON_KINDS: [&str; 8] = [
    "CreateOptions",
    "DeleteOptions",
    "GetOptions",
    "ListOptions",
    "PatchOptions",
    "Status",
    "UpdateOptions",
    "WatchEvent",
];

/// The types of the API.
#[derive(Debug)]
pub struct Schema {
    messages: Vec<MessageType>,
    names: BTreeMap<Cow<'static, str>, usize>,
    kinds: BTreeMap<GroupVersionKind, usize>,
}

/// A line of the table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read line {line} of the table of types: {problem}")]
pub struct TableError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Schema {
    /// The built-in types of Kubernetes 1.36.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "the table is compiled in and a test reads it")]
        SCHEMA
            .get_or_init(|| Self::parse(BUILTIN).expect("invariant S1: the compiled-in table is well formed"))
    }

    /// The type of objects of this kind.
    ///
    /// `Status`, `WatchEvent`, `DeleteOptions` and the other options are found under any group and version.
    #[must_use]
    pub fn kind(&self, kind: &GroupVersionKind) -> Option<&MessageType> {
        match self.kinds.get(kind) {
            Some(index) => self.messages.get(*index),
            None if COMMON_KINDS.contains(&kind.kind.as_ref()) => {
                self.message(&format!("meta/v1.{}", kind.kind))
            }
            None => None,
        }
    }

    /// The type of this name, as `core/v1.PodSpec`.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&MessageType> {
        self.names.get(name).and_then(|index| self.messages.get(*index))
    }

    /// All kinds, in order of group, version and kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&GroupVersionKind, &MessageType)> {
        self.kinds.iter().map(|(kind, index)| (kind, &self.messages[*index]))
    }

    /// All types, by index.
    pub(crate) fn messages(&self) -> &[MessageType] {
        &self.messages
    }

    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn at(&self, index: usize) -> &MessageType {
        &self.messages[index]
    }

    fn parse(text: &'static str) -> Result<Self, TableError> {
        let mut schema = Self { messages: Vec::new(), names: BTreeMap::new(), kinds: BTreeMap::new() };
        let lines = || text.lines().enumerate().map(|(index, line)| (index + 1, line));
        for (line, row) in lines() {
            if let Some(head) = row.strip_prefix("type ") {
                schema.declare(head).map_err(|problem| TableError { line, problem })?;
            }
        }
        let mut current = None;
        for (line, row) in lines() {
            let done = if row.starts_with("type ") {
                current = Some(current.map_or(0, |index| index + 1));
                Ok(())
            } else if let Some(field) = row.strip_prefix("field ") {
                match current {
                    Some(index) => parse_field(field, &schema.names)
                        .map(|field| schema.messages[index].fields.push(field)),
                    None => Err("a field before any type"),
                }
            } else if row.starts_with('#') {
                Ok(())
            } else {
                Err("neither a type nor a field")
            };
            done.map_err(|problem| TableError { line, problem })?;
        }
        Ok(schema)
    }

    fn declare(&mut self, head: &'static str) -> Result<(), &'static str> {
        let mut words = head.split(' ');
        let name = Cow::Borrowed(words.next().ok_or("no name")?);
        let index = self.messages.len();
        let mut atomic = false;
        for word in words {
            if let Some(kind) = word.strip_prefix("kind=") {
                let (group, rest) = kind.split_once('/').ok_or("no group")?;
                let (version, kind) = rest.split_once('/').ok_or("no version")?;
                self.kinds.entry(GroupVersionKind::new(group, version, kind)).or_insert(index);
            } else if word == "atomic" {
                atomic = true;
            } else {
                return Err("unknown word after a type");
            }
        }
        if self.names.insert(name.clone(), index).is_some() {
            return Err("a type declared twice");
        }
        self.messages.push(MessageType { name, fields: Vec::new(), atomic, open: false });
        Ok(())
    }
}

fn parse_field(
    row: &'static str,
    names: &BTreeMap<Cow<'static, str>, usize>,
) -> Result<FieldType, &'static str> {
    let mut words = row.splitn(4, ' ');
    let mut next = || words.next().ok_or("too few words");
    let (json_name, tag, kind) = (next()?, next()?, next()?);
    let (shape, kind) = match kind {
        kind if kind.starts_with('*') => (Shape::Pointer, &kind[1..]),
        kind if kind.starts_with("[]") => (Shape::List, &kind[2..]),
        kind if kind.starts_with("{}") => (Shape::Map, &kind[2..]),
        kind => (Shape::One, kind),
    };
    let mut field = FieldType {
        json_name: Cow::Borrowed(json_name),
        tag: tag.parse().map_err(|_| "a tag that is no number")?,
        shape,
        kind: parse_kind(kind, names)?,
        inline: false,
        omission: Omission::Never,
        required: false,
        strategy: MergeStrategy::default(),
        ownership: Ownership::Default,
        default: None,
    };
    let (mut required, mut optional) = (false, false);
    for flag in words.next().unwrap_or_default().split(' ').filter(|flag| !flag.is_empty()) {
        match flag {
            "inline" => field.inline = true,
            "omitempty" => field.omission = Omission::Empty,
            "omitzero" => field.omission = Omission::Zero,
            "required" => required = true,
            "optional" => optional = true,
            "merge" => field.strategy.merge = true,
            "replace" => field.strategy.replace = true,
            "retainkeys" => field.strategy.retain_keys = true,
            "atomic" => field.ownership = Ownership::Atomic,
            "set" => field.ownership = Ownership::Set,
            flag => parse_valued_flag(flag, &mut field)?,
        }
    }
    field.required = required || !(optional || field.omits_empty() || field.inline);
    Ok(field)
}

fn parse_valued_flag(flag: &'static str, field: &mut FieldType) -> Result<(), &'static str> {
    match flag.split_once('=') {
        Some(("mergekey", key)) => field.strategy.merge_key = Some(Cow::Borrowed(key)),
        Some(("map", keys)) => field.ownership = Ownership::Map(keys.split(',').map(Cow::Borrowed).collect()),
        Some(("default", value)) => {
            field.default = Some(serde_json::from_str(value).map_err(|_| "a default that is no JSON")?);
        }
        _ => return Err("an unknown flag"),
    }
    Ok(())
}

fn parse_kind(word: &str, names: &BTreeMap<Cow<'static, str>, usize>) -> Result<ValueKind, &'static str> {
    Ok(match word {
        "string" => ValueKind::String,
        "bytes" => ValueKind::Bytes,
        "bool" => ValueKind::Bool,
        "int32" => ValueKind::Int32,
        "int64" => ValueKind::Int64,
        "double" => ValueKind::Double,
        "time" => ValueKind::Time,
        "microtime" => ValueKind::MicroTime,
        "quantity" => ValueKind::Quantity,
        "intorstring" => ValueKind::IntOrString,
        "raw" => ValueKind::Raw,
        "fields" => ValueKind::Fields,
        "json" => ValueKind::Json,
        "schemaorbool" => ValueKind::SchemaOrBool,
        "schemaorarray" => ValueKind::SchemaOrArray,
        "schemaorstrings" => ValueKind::SchemaOrStrings,
        "strings" => ValueKind::Strings,
        name => {
            let index = names.get(name).ok_or("an unknown type")?;
            ValueKind::Message(MessageReference::Builtin(*index))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &'static str, version: &'static str, kind: &'static str) -> &'static MessageType {
        Schema::builtin().kind(&GroupVersionKind::new(group, version, kind)).unwrap()
    }

    #[test]
    fn the_table_is_well_formed_and_complete() {
        let schema = Schema::parse(BUILTIN).unwrap();
        assert!(schema.messages.len() > 550 && schema.kinds.len() > 140);
        for message in &schema.messages {
            let mut tags: Vec<_> =
                message.fields.iter().map(|field| field.tag).filter(|tag| *tag > 0).collect();
            tags.sort_unstable();
            tags.dedup();
            let numbered = message.fields.iter().filter(|field| field.tag > 0).count();
            assert_eq!(tags.len(), numbered, "{}", message.name);
        }
        for list in schema.kinds.keys().filter(|kind| kind.kind.ends_with("List")) {
            assert!(
                schema.kind(list).unwrap().field("items").is_some()
                    || list.version != "v1"
                    || list.group.is_empty()
            );
        }
    }

    #[test]
    fn inline_structs_are_messages_in_protobuf_and_gone_in_json() {
        let volume = Schema::builtin().message("core/v1.Volume").unwrap();
        assert!(volume.tagged(2).unwrap().inlined().is_some());
        assert!(volume.field("VolumeSource").is_none());
        assert_eq!(volume.field("emptyDir").unwrap().message().unwrap().name, "core/v1.EmptyDirVolumeSource");
        assert_eq!(kind("", "v1", "Pod").field("kind").unwrap().kind, ValueKind::String);
    }

    #[test]
    fn fields_carry_their_merge_rules() {
        let spec = kind("apps", "v1", "Deployment").field("spec").unwrap().message().unwrap();
        assert!(spec.field("strategy").unwrap().strategy.retain_keys);
        assert!(spec.field("selector").unwrap().message().unwrap().atomic);
        let pod = Schema::builtin().message("core/v1.PodSpec").unwrap();
        let containers = pod.field("containers").unwrap();
        assert_eq!(containers.strategy.merge_key.as_deref(), Some("name"));
        assert_eq!(containers.ownership, Ownership::Map(vec!["name".into()]));
        let ports = Schema::builtin().message("core/v1.ServicePort").unwrap();
        assert_eq!(ports.field("protocol").unwrap().default, Some("TCP".into()));
    }

    #[test]
    fn options_are_found_under_any_group() {
        assert_eq!(kind("apps", "v1", "DeleteOptions").name, "meta/v1.DeleteOptions");
        assert!(Schema::builtin().kind(&GroupVersionKind::new("example.dev", "v1", "Site")).is_none());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Schema::parse("type a\nfield b x string").unwrap_err();
        assert_eq!((error.line, error.problem), (2, "a tag that is no number"));
    }
}
