//! The part of kubectl's `JSONPath` that printer columns and scale paths use.
//!
//! `.a.b`, `['a']`, `[0]`, `[-1]`, `[*]`, `.*` and filters of one comparison: `[?(@.type=="Ready")]`.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    Filter { path: JsonPath, equal: bool, value: Value },
}

/// A parsed path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads `text`; `None` when it is malformed or uses what this does not support.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(field) = rest.strip_prefix('.') {
                parse_field(field)?
            } else if rest.starts_with('[') {
                let end = closing_bracket(rest)?;
                (parse_bracket(&rest[1..end])?, &rest[end + 1..])
            } else if steps.is_empty() {
                parse_field(rest)?
            } else {
                return None;
            };
            steps.push(step);
            rest = after;
        }
        Some(Self(steps))
    }

    /// All values that the path leads to.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![value];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        found
    }
}

impl Step {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
            (Self::Index(index), Value::Array(items)) => {
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let index = if *index < 0 { length + index } else { *index };
                usize::try_from(index).ok().and_then(|index| items.get(index)).into_iter().collect()
            }
            (Self::All, Value::Array(items)) => items.iter().collect(),
            (Self::All, Value::Object(map)) => map.values().collect(),
            (Self::Filter { path, equal, value }, Value::Array(items)) => {
                let matches = |item: &&Value| path.find(item).iter().any(|found| (*found == value) == *equal);
                items.iter().filter(matches).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A field up to the next `.` or `[`; a backslash keeps a dot in the name.
fn parse_field(text: &str) -> Option<(Step, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.push(characters.next()?.1),
            '.' | '[' => {
                end = at;
                break;
            }
            other => name.push(other),
        }
    }
    let step = match name.as_str() {
        "" => return None,
        "*" => Step::All,
        _ => Step::Field(name),
    };
    Some((step, &text[end..]))
}

fn closing_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return Some(at),
            (None, ']') => depth -= 1,
            (Some(_) | None, _) => {}
        }
    }
    None
}

fn parse_bracket(inner: &str) -> Option<Step> {
    if inner == "*" {
        return Some(Step::All);
    }
    if let Some(name) = unquote(inner) {
        return Some(Step::Field(name.into()));
    }
    if let Ok(index) = inner.parse() {
        return Some(Step::Index(index));
    }
    let filter = inner.strip_prefix("?(")?.strip_suffix(')')?;
    let (operator, equal) = if filter.contains("==") { ("==", true) } else { ("!=", false) };
    let (left, right) = filter.split_once(operator)?;
    let path = JsonPath::parse(left.trim().strip_prefix('@')?)?;
    let right = right.trim();
    let value = match unquote(right) {
        Some(text) => text.into(),
        None => serde_json::from_str(right).ok()?,
    };
    Some(Step::Filter { path, equal, value })
}

fn unquote(text: &str) -> Option<&str> {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('\'').or_else(|| quoted('"'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_fields_items_and_what_a_filter_leaves() {
        let value = json!({"a": {"b.c": [1, 2, 3]}, "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]});
        let find = |path: &str| {
            JsonPath::parse(path).map(|path| path.find(&value).into_iter().cloned().collect::<Vec<_>>())
        };
        assert_eq!(find(".a.b\\.c[1]"), Some(vec![json!(2)]));
        assert_eq!(find("{.a['b.c'][-1]}"), Some(vec![json!(3)]));
        assert_eq!(find("a['b.c'][*]"), Some(vec![json!(1), json!(2), json!(3)]));
        assert_eq!(find(".conditions[?(@.type==\"Ready\")].status"), Some(vec![json!("True")]));
        assert_eq!(find(".conditions[?(@.type!='Ready')].status"), Some(vec![json!("False")]));
        assert_eq!(find(".nope.deeper"), Some(vec![]));
        for malformed in [".", ".a[", ".a..b", ".a[?(x)]"] {
            assert_eq!(find(malformed), None, "{malformed}");
        }
    }
}
