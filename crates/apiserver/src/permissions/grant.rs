//! One thing that is allowed.

use std::fmt;

/// One thing that somebody may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Where: in this namespace, or everywhere.
    pub namespace: Option<String>,
    /// To what.
    pub target: GrantTarget,
    /// What, as RBAC has it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the
    /// lower-case HTTP method where the target is a path.
    pub verb: String,
}

/// What a grant is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantTarget {
    /// Objects.
    Resource {
        /// The API group; empty for the core group.
        group: String,
        /// The plural, with the subresource after a slash: `deployments`, `deployments/scale`.
        resource: String,
        /// The one object; `None` for all.
        name: Option<String>,
    },
    /// A path that names no resource, as `/metrics`.
    Path(String),
}

impl Grant {
    /// Whether who has this grant has the other one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let verb = is_or_any(&self.verb, &other.verb);
        let place = self.namespace.is_none() || self.namespace == other.namespace;
        verb && place && self.target.covers(&other.target)
    }
}

impl GrantTarget {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Resource { group, resource, name },
                Self::Resource { group: group_of_other, resource: other, name: name_of_other },
            ) => {
                // `*/scale` means that subresource of every resource.
                let part = resource.strip_prefix("*/").zip(other.split_once('/'));
                is_or_any(group, group_of_other)
                    && (is_or_any(resource, other) || part.is_some_and(|(own, (_, other))| own == other))
                    && (name.is_none() || name == name_of_other)
            }
            (Self::Path(own), Self::Path(other)) => {
                own.strip_suffix('*').map_or(own == other, |start| other.starts_with(start))
            }
            _ => false,
        }
    }
}

fn is_or_any(own: &str, other: &str) -> bool {
    own == "*" || own == other
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.target)?;
        match &self.namespace {
            Some(namespace) => write!(formatter, " in {namespace}"),
            None => formatter.write_str(" everywhere"),
        }
    }
}

impl fmt::Display for GrantTarget {
    /// As kubectl names resources: `deployments.apps/scale`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { group, resource, name } => {
                let (plural, part) = resource
                    .split_once('/')
                    .map_or((&**resource, ""), |(plural, _)| (plural, &resource[plural.len()..]));
                let dot = if group.is_empty() { "" } else { "." };
                write!(formatter, "{plural}{dot}{group}{part}")?;
                name.as_ref().map_or(Ok(()), |name| write!(formatter, " {name:?}"))
            }
            Self::Path(path) => formatter.write_str(path),
        }
    }
}
