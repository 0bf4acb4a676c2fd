//! Which informer a series is of.

use std::fmt;

use pilothouse_machinery::ResourceType;

use crate::cache::{InformerOptions, Projection};

/// The labels that tell informers apart, as client-go names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity {
    /// As users name it, or what it caches, in words.
    pub(super) name: String,
    group: String,
    version: String,
    /// The plural: `configmaps`.
    resource: String,
}

impl Identity {
    pub(crate) fn new(name: impl Into<String>, resource: &ResourceType) -> Self {
        Self {
            name: name.into(),
            group: resource.group.to_string(),
            version: resource.version.to_string(),
            resource: resource.plural.to_string(),
        }
    }

    /// Of an informer with these options.
    pub(in crate::cache) fn of(resource: &ResourceType, options: &InformerOptions) -> Self {
        let name = options.name().map_or_else(|| words(options), str::to_owned);
        Self::new(name, resource)
    }

    /// The same type's, `number` in the row of those with one name.
    pub(super) fn numbered(&self, number: usize) -> Self {
        Self { name: format!("{} #{number}", self.name), ..self.clone() }
    }

    pub(super) fn labels(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("name", &self.name),
            ("group", &self.group),
            ("version", &self.version),
            ("resource", &self.resource),
        ]
    }
}

/// What is cached: `everything`, `namespace default, metadata only`.
fn words(options: &InformerOptions) -> String {
    format!("{}{}", options.selection(), Part(&options.projection()))
}

/// The part of each object that is kept, after a comma where it is not the whole.
struct Part<'a>(&'a Projection);

impl fmt::Display for Part<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Projection::Whole => Ok(()),
            Projection::MetadataOnly => formatter.write_str(", metadata only"),
            Projection::Fields(paths) => write!(formatter, ", fields {}", paths.join(" ")),
            Projection::Type(decoder) => write!(formatter, ", as {}", decoder.name()),
        }
    }
}
