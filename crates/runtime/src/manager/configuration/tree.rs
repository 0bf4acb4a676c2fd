//! YAML, as keys with values and the lines they stand on.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A document or a part of one.
enum Tree {
    Scalar(String),
    Nothing,
    List,
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

/// A key with its text, and the line it stands on.
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) line: u64,
    /// `None` where there is something else than text.
    pub(super) text: Option<String>,
}

/// The leaves of a document, in its order. The error is the parser's.
pub(super) fn leaves(yaml: &str) -> Result<Vec<Leaf>, serde_saphyr::Error> {
    let mut found = Vec::new();
    // A file of comments alone says nothing.
    let options = serde_saphyr::options! { strict_booleans: true };
    let document: Option<Tree> = serde_saphyr::from_str_with_options(yaml, options)?;
    if let Some(tree) = document {
        gather(tree, &mut Vec::new(), 1, &mut found);
    }
    Ok(found)
}

fn gather(tree: Tree, path: &mut Vec<String>, line: u64, found: &mut Vec<Leaf>) {
    let text = match tree {
        Tree::Map(pairs) => {
            for (key, value) in pairs {
                path.push(key.value);
                gather(value.value, path, key.referenced.line(), found);
                path.pop();
            }
            return;
        }
        // A section without anything in it, or an empty file.
        Tree::Nothing => return,
        Tree::Scalar(text) => Some(text),
        Tree::List => None,
    };
    found.push(Leaf { path: path.clone(), line, text });
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("keys and values")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Deserialize::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Tree::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = items.next_entry()? {
            pairs.push(pair);
        }
        Ok(Tree::Map(pairs))
    }
}
