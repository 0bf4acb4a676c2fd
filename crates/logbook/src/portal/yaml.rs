//! Prints a stored document as YAML, in lines whose parts can be coloured and compared.

use serde_json::Value;

/// One line: indentation and dash, then perhaps a key, then perhaps a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) prefix: String,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<(String, ValueKind)>,
}

/// What a value is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// A string, or a line of one.
    Text,
    /// A number, a boolean, null, or an empty collection.
    Literal,
}

impl Line {
    /// The whole line as text.
    pub(crate) fn text(&self) -> String {
        let mut text = self.prefix.clone();
        if let Some(key) = &self.key {
            text.push_str(key);
            text.push(':');
        }
        if let Some((value, _)) = &self.value {
            if self.key.is_some() {
                text.push(' ');
            }
            text.push_str(value);
        }
        text
    }
}

/// The lines of `document`.
pub(crate) fn lines(document: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    match document {
        Value::Object(map) if !map.is_empty() => object(&mut lines, map, 0, String::new()),
        Value::Array(items) if !items.is_empty() => array(&mut lines, items, 0, ""),
        other => leaf(&mut lines, String::new(), None, other, 0),
    }
    lines
}

/// `first` is the prefix of the first key's line (a list item begins with a dash); the others are indented.
fn object(lines: &mut Vec<Line>, map: &serde_json::Map<String, Value>, indent: usize, first: String) {
    let mut prefix = first;
    for (key, value) in map {
        let key = scalar(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                lines.push(Line { prefix, key: Some(key), value: None });
                object(lines, inner, indent + 2, " ".repeat(indent + 2));
            }
            Value::Array(items) if !items.is_empty() => {
                lines.push(Line { prefix, key: Some(key), value: None });
                array(lines, items, indent, &" ".repeat(indent));
            }
            other => leaf(lines, prefix, Some(key), other, indent + 2),
        }
        prefix = " ".repeat(indent);
    }
}

fn array(lines: &mut Vec<Line>, items: &[Value], indent: usize, first: &str) {
    let mut lead = first.to_owned();
    for item in items {
        let prefix = format!("{lead}- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => object(lines, inner, indent + 2, prefix),
            Value::Array(inner) if !inner.is_empty() => array(lines, inner, indent + 2, &prefix),
            other => leaf(lines, prefix, None, other, indent + 2),
        }
        lead = " ".repeat(indent);
    }
}

fn leaf(lines: &mut Vec<Line>, prefix: String, key: Option<String>, value: &Value, indent: usize) {
    let (text, kind) = match value {
        Value::String(text) => match block(text) {
            Some(marker) => {
                lines.push(Line { prefix, key, value: Some((marker.to_owned(), ValueKind::Literal)) });
                lines.extend(text.lines().map(|line| Line {
                    prefix: if line.is_empty() { String::new() } else { " ".repeat(indent) },
                    key: None,
                    value: Some((line.to_owned(), ValueKind::Text)),
                }));
                return;
            }
            None => (scalar(text), ValueKind::Text),
        },
        Value::Array(_) => ("[]".to_owned(), ValueKind::Literal),
        Value::Object(_) => ("{}".to_owned(), ValueKind::Literal),
        other => (other.to_string(), ValueKind::Literal),
    };
    lines.push(Line { prefix, key, value: Some((text, kind)) });
}

/// The marker of a block scalar, when `text` reads better (and reads back equal) as one.
fn block(text: &str) -> Option<&'static str> {
    let plain = |character: char| character == '\n' || (' '..='~').contains(&character);
    let body = text.strip_suffix('\n').unwrap_or(text);
    let fits = body.contains('\n')
        && text.chars().all(plain)
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n');
    fits.then(|| if text.ends_with('\n') { "|" } else { "|-" })
}

/// A string as a scalar: plain where no reader can take it for something else, else in double quotes.
fn scalar(text: &str) -> String {
    let plain_character =
        |character: char| character.is_ascii_alphanumeric() || " _./:@+=-,()".contains(character);
    let starts_well =
        text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/' || first == '_');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = starts_well
        && text.chars().all(plain_character)
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn print(document: &Value) -> Vec<String> {
        lines(document).iter().map(Line::text).collect()
    }

    #[test]
    fn documents_print_as_people_write_them() {
        let document = json!({
            "apiVersion": "batch/v1",
            "metadata": {"labels": {}, "name": "true", "creationTimestamp": "2026-11-21T05:00:00Z"},
            "spec": {"containers": [{"args": ["-c", "a: b"], "name": "main"}, [1, [null]]], "script": "one\ntwo\n"},
        });
        let expected = [
            "apiVersion: batch/v1",
            "metadata:",
            "  creationTimestamp: \"2026-11-21T05:00:00Z\"",
            "  labels: {}",
            "  name: \"true\"",
            "spec:",
            "  containers:",
            "  - args:",
            "    - \"-c\"",
            "    - \"a: b\"",
            "    name: main",
            "  - - 1",
            "    - - null",
            "  script: |",
            "    one",
            "    two",
        ];
        assert_eq!(print(&document), expected);
    }

    #[test]
    fn hostile_strings_are_quoted() {
        for text in ["a\u{0}b", "- x", "#", "", " x", "x ", "key:", "\n", "é", "1e3", "null", "a\n b\t"] {
            let quoted = scalar(text);
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
            assert_eq!(block(text), None, "{text:?}");
        }
    }
}
