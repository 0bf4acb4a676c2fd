//! Why JSON does not fit a type, without what it says.

use std::fmt;

/// A parser's complaint in which texts of the object are left out, because they may be secret.
#[derive(Clone)]
pub(crate) struct Unreadable(String);

impl Unreadable {
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        let said = error.to_string();
        // The parser quotes a text that it did not expect: `invalid type: string "...", expected a map at ...`.
        let quoted =
            said.find("string \"").zip(said.rfind("\", expected")).filter(|(start, end)| start < end);
        Self(match quoted {
            Some((start, end)) => format!("{}string{}", &said[..start], &said[end + 1..]),
            None => said,
        })
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Self::of(&error)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}
