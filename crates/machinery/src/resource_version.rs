//! Resource versions: the position of an object or a list in the server's history.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A resource version as the server gave it.
///
/// Since Kubernetes 1.35 (KEP-5504) versions of one resource type compare as decimal numbers without leading
/// zeros. Anything else is opaque: [`compare`](Self::compare) then answers `None` unless the texts are equal, and
/// is never a comparison of strings.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResourceVersion(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Number(u64),
    Opaque(Arc<str>),
}

impl ResourceVersion {
    /// The version that a store has before it has seen anything, and that asks a server for "any state".
    pub const ZERO: Self = Self(Repr::Number(0));

    /// From a number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(Repr::Number(number))
    }

    /// From the server's text: a number where it is well-formed, opaque otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let canonical =
            text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
        match text.parse() {
            Ok(number) if canonical => Self(Repr::Number(number)),
            _ => Self(Repr::Opaque(text.into())),
        }
    }

    /// The number, where the version is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self.0 {
            Repr::Number(number) => Some(number),
            Repr::Opaque(_) => None,
        }
    }

    /// Whether this is "0" or empty: no position.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Number(number) => *number == 0,
            Repr::Opaque(text) => text.is_empty(),
        }
    }

    /// How two versions of one resource type compare; `None` when that cannot be known.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (&self.0, &other.0) {
            (Repr::Number(one), Repr::Number(two)) => Some(one.cmp(two)),
            (one, two) => (one == two).then_some(Ordering::Equal),
        }
    }

    /// Whether this version is known to be at or after `other`.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        matches!(self.compare(other), Some(Ordering::Greater | Ordering::Equal))
    }
}

impl Default for ResourceVersion {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(formatter),
            Repr::Opaque(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for ResourceVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ResourceVersion({self})")
    }
}

impl From<u64> for ResourceVersion {
    fn from(number: u64) -> Self {
        Self::from_number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_versions_compare_as_numbers_not_as_text() {
        let (nine, ten) = (ResourceVersion::parse("9"), ResourceVersion::parse("10"));
        assert_eq!(nine.compare(&ten), Some(Ordering::Less));
        assert!(ten.is_at_least(&nine) && !nine.is_at_least(&ten));
    }

    #[test]
    fn w5_versions_that_are_not_decimal_only_compare_equal_or_not_at_all() {
        for text in ["abc", "007", "-1", "18446744073709551616", ""] {
            let version = ResourceVersion::parse(text);
            assert_eq!(version.compare(&ResourceVersion::parse("5")), None, "{text:?}");
            assert_eq!(version.compare(&version.clone()), Some(Ordering::Equal));
            assert_eq!(version.to_string(), text);
        }
    }
}
