//! Why JSON does not fit a type, without what it says.

use std::fmt;

use pilothouse_machinery::protobuf;

/// A parser's complaint in which texts of the object are left out, because they may be secret.
#[derive(Clone)]
pub(crate) struct Unreadable(String);

impl Unreadable {
    /// What a parser said, which may quote the object.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        let errors = std::iter::successors(Some(error), |error| error.source());
        Self::without_quote(errors.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }

    /// A sentence of our own.
    pub(crate) fn saying(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn without_quote(said: String) -> Self {
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

impl From<protobuf::DecodeError> for Unreadable {
    fn from(error: protobuf::DecodeError) -> Self {
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
