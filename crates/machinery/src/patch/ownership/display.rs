//! Paths as messages show them: `.spec.containers[name="c"].image`.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use super::field_set::PathElement;

impl fmt::Display for PathElement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(formatter, ".{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(formatter, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(formatter, "[={value}]"),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// The path as one text.
pub(super) fn joined(path: &[&PathElement]) -> String {
    path.iter().fold(String::new(), |mut text, element| {
        // Writing to a String does not fail.
        let _ = write!(text, "{element}");
        text
    })
}
