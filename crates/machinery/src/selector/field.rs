//! Field selectors.

use std::fmt;
use std::str::FromStr;

use super::SelectorError;

/// How a [`FieldTerm`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldOperator {
    /// `field=value`.
    Equals,
    /// `field!=value`.
    NotEquals,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldTerm {
    /// The field's label, as `metadata.name`.
    pub field: String,
    /// The comparison.
    pub operator: FieldOperator,
    /// The value, without escapes.
    pub value: String,
}

/// A conjunction of conditions on fields; without terms it matches everything.
///
/// In text, a comma, an equals sign or a backslash inside a value is preceded by a backslash.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// The selector that matches everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// All of `terms` together.
    pub fn from_terms(terms: impl IntoIterator<Item = FieldTerm>) -> Self {
        Self { terms: terms.into_iter().collect() }
    }

    /// Reads the text form, as in the `fieldSelector` query parameter. Empty terms are skipped.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let parts = split_unescaped(text);
        let terms = parts.into_iter().filter(|part| !part.is_empty()).map(|part| parse_term(text, part));
        terms.collect::<Result<_, _>>().map(|terms| Self { terms })
    }

    /// The terms, in the order of the text.
    #[must_use]
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// Whether this matches everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The one value that `field` must have, where a term says so.
    #[must_use]
    pub fn required(&self, field: &str) -> Option<&str> {
        let exact = |term: &&FieldTerm| term.field == field && term.operator == FieldOperator::Equals;
        self.terms.iter().find(exact).map(|term| term.value.as_str())
    }

    /// Whether an object matches whose fields `field` looks up; an absent field is empty.
    #[must_use]
    pub fn matches<'field>(&self, field: impl Fn(&str) -> Option<&'field str>) -> bool {
        self.terms.iter().all(|term| {
            let equal = field(&term.field).unwrap_or_default() == term.value;
            equal == (term.operator == FieldOperator::Equals)
        })
    }
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_term(selector: &str, part: &str) -> Result<FieldTerm, SelectorError> {
    let not_understood =
        || SelectorError(format!("invalid selector: '{selector}'; can't understand '{part}'"));
    let index = part.find(['=', '!']).ok_or_else(not_understood)?;
    let (field, rest) = part.split_at(index);
    let (operator, value) = if let Some(value) = rest.strip_prefix("!=") {
        (FieldOperator::NotEquals, value)
    } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        (FieldOperator::Equals, value)
    } else {
        return Err(not_understood());
    };
    Ok(FieldTerm { field: field.to_owned(), operator, value: unescape(value)? })
}

fn unescape(value: &str) -> Result<String, SelectorError> {
    let mut plain = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                other => {
                    let sequence: String = other.into_iter().collect();
                    return Err(SelectorError(format!(
                        "invalid field selector: invalid escape sequence: \\{sequence}"
                    )));
                }
            },
            ',' | '=' => {
                return Err(SelectorError(format!(
                    "invalid field selector: unescaped character in value: {letter}"
                )));
            }
            _ => plain.push(letter),
        }
    }
    Ok(plain)
}

impl FromStr for FieldSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            let operator = match term.operator {
                FieldOperator::Equals => "=",
                FieldOperator::NotEquals => "!=",
            };
            write!(formatter, "{separator}{}{operator}", term.field)?;
            for letter in term.value.chars() {
                if matches!(letter, '\\' | ',' | '=') {
                    formatter.write_str("\\")?;
                }
                write!(formatter, "{letter}")?;
            }
        }
        Ok(())
    }
}
