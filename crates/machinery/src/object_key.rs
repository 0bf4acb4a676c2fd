//! The name of an object inside its resource type.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Namespace and name of an object; the namespace is empty for cluster-scoped objects.
///
/// Orders by namespace, then name, in byte order: the order of a list. Prints as `namespace/name`, or `name`
/// alone when cluster-scoped, which is also what [`FromStr`] reads. Cloning copies two pointers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// The key of a namespaced object (or of a cluster-scoped one when `namespace` is empty).
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of a cluster-scoped object.
    pub fn cluster(name: impl Into<Arc<str>>) -> Self {
        Self::new("", name)
    }

    /// The namespace, or `None` when cluster-scoped.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(&*self.namespace)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            formatter.write_str(&self.name)
        } else {
            write!(formatter, "{}/{}", self.namespace, self.name)
        }
    }
}

/// The text was not `name` or `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {0:?} as an object key: write \"name\" or \"namespace/name\"")]
pub struct ParseObjectKeyError(String);

impl FromStr for ObjectKey {
    type Err = ParseObjectKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = match text.split_once('/') {
            None => Self::cluster(text),
            Some((namespace, name)) if !namespace.is_empty() => Self::new(namespace, name),
            Some(_) => return Err(ParseObjectKeyError(text.into())),
        };
        if key.name.is_empty() || key.name.contains('/') {
            return Err(ParseObjectKeyError(text.into()));
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back_both_scopes() {
        for text in ["default/web", "node-1"] {
            assert_eq!(text.parse::<ObjectKey>().unwrap().to_string(), text);
        }
        for text in ["", "/web", "default/", "a/b/c"] {
            assert!(text.parse::<ObjectKey>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn orders_by_namespace_before_name() {
        assert!(ObjectKey::new("a", "z") < ObjectKey::new("a-b", "a"));
        assert!(ObjectKey::cluster("z") < ObjectKey::new("a", "a"));
    }
}
