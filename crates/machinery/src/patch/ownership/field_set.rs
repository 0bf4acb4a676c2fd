//! Sets of fields, and their form in `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One step of a path into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathElement {
    /// A field of a struct or an entry of a map: `f:name`.
    Field(String),
    /// An element of a list of structs, by its keys as JSON: `k:{"name":"a"}`.
    Key(String),
    /// An element of a set, by its value as JSON: `v:"a"`.
    Value(String),
    /// An element of a list by position: `i:0`.
    Index(usize),
}

/// A set of paths into an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the path that leads here is in the set.
    pub(super) member: bool,
    /// The steps that go on from here.
    pub(super) children: BTreeMap<PathElement, Self>,
}

impl PathElement {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                Some(Self::Key(Value::Object(keys).to_string()))
            }
            "v" => serde_json::from_str::<Value>(rest).ok().map(|value| Self::Value(value.to_string())),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

impl FieldSet {
    /// Reads the value of `fieldsV1`; `None` unless it is one.
    #[must_use]
    pub fn decode(fields: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (name, inner) in fields.as_object()? {
            if name == "." {
                set.member = true;
                continue;
            }
            let mut child = Self::decode(inner)?;
            child.member |= child.children.is_empty();
            set.children.insert(PathElement::parse(name)?, child);
        }
        Some(set)
    }

    /// The value of `fieldsV1`.
    #[must_use]
    pub fn encode(&self) -> Value {
        let mut fields = Map::new();
        for (element, child) in self.children.iter().filter(|(_, child)| !child.is_empty()) {
            let mut inner = child.encode();
            if let (true, false, Value::Object(inner)) = (child.member, child.children.is_empty(), &mut inner)
            {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            fields.insert(element.text(), inner);
        }
        Value::Object(fields)
    }

    /// Whether no path is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    /// The paths of the set, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<&PathElement>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect<'a>(&'a self, path: &mut Vec<&'a PathElement>, paths: &mut Vec<Vec<&'a PathElement>>) {
        if self.member {
            paths.push(path.clone());
        }
        for (element, child) in &self.children {
            path.push(element);
            child.collect(path, paths);
            path.pop();
        }
    }

    pub(super) fn union(mut self, other: &Self) -> Self {
        self.member |= other.member;
        for (element, child) in &other.children {
            let mine = self.children.remove(element).unwrap_or_default();
            self.children.insert(element.clone(), mine.union(child));
        }
        self
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        let child = |(element, child): (&PathElement, &Self)| {
            let left = match other.children.get(element) {
                Some(other) => child.difference(other),
                None => child.clone(),
            };
            (!left.is_empty()).then(|| (element.clone(), left))
        };
        Self {
            member: self.member && !other.member,
            children: self.children.iter().filter_map(child).collect(),
        }
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let child = |(element, child): (&PathElement, &Self)| {
            let both = child.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        };
        Self {
            member: self.member && other.member,
            children: self.children.iter().filter_map(child).collect(),
        }
    }

    /// Without everything under these top-level fields.
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        self.children.retain(
            |element, _| !matches!(element, PathElement::Field(name) if names.contains(&name.as_str())),
        );
        self
    }

    /// Without the fields that nobody owns: what identifies the object and what the server sets.
    pub(super) fn without_identity(mut self) -> Self {
        self = self.without(&["apiVersion", "kind"]);
        let metadata = PathElement::Field("metadata".to_owned());
        if let Some(child) = self.children.remove(&metadata) {
            let mut child = child.without(&[
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "selfLink",
                "managedFields",
            ]);
            child.member = false;
            if !child.is_empty() {
                self.children.insert(metadata, child);
            }
        }
        self
    }
}
