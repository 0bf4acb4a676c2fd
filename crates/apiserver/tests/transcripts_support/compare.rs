//! Compares an answer with an expectation that holds placeholders.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::scenario::Compare;

const PATTERNS: [(&str, &str); 12] = [
    ("uid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("rv", "[0-9]+"),
    ("lrv", "[0-9]+"),
    ("time", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
    ("microtime", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z"),
    ("gen", "[a-z0-9]{5}"),
    ("cont", "[A-Za-z0-9_-]+"),
    ("ip", "[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+"),
    ("port", "[0-9]+"),
    ("age", "[0-9a-z]+"),
    ("hash", "[A-Za-z0-9+/=]+"),
    ("num", "[0-9]+"),
];

/// What the placeholders of one scenario stand for so far.
#[derive(Debug, Default)]
pub(crate) struct Bindings(BTreeMap<String, String>);

impl Bindings {
    /// Binds a numbered placeholder; an error when it stood for something else, or something else for this.
    fn bind(&mut self, kind: &str, number: &str, value: &str) -> Result<(), String> {
        let key = format!("{kind}:{number}");
        if let Some(known) = self.0.get(&key) {
            return if known == value {
                Ok(())
            } else {
                Err(format!("{{{{{key}}}}} was {known}, now {value}"))
            };
        }
        let prefix = format!("{kind}:");
        let distinct = matches!(kind, "uid" | "gen" | "ip" | "port" | "rv");
        if let Some((other, _)) =
            self.0.iter().find(|(other, known)| other.starts_with(&prefix) && *known == value)
            && distinct
        {
            return Err(format!("{{{{{key}}}}} and {{{{{other}}}}} are both {value}"));
        }
        self.0.insert(key, value.to_owned());
        Ok(())
    }

    /// Resource versions of smaller numbers are smaller.
    pub(crate) fn check_order(&self) -> Result<(), String> {
        let mut versions: Vec<(u64, u64)> = Vec::new();
        for (key, value) in &self.0 {
            if let Some(number) = key.strip_prefix("rv:") {
                versions.push((number.parse().unwrap(), value.parse().unwrap()));
            }
        }
        versions.sort_unstable();
        match versions.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
            Some(pair) => Err(format!("resource versions out of order: {pair:?}")),
            None => Ok(()),
        }
    }
}

/// All differences between `expected` and `actual`, one line each.
pub(crate) struct Comparison<'a> {
    rules: &'a [&'a Compare],
    bindings: &'a mut Bindings,
    differences: Vec<String>,
}

/// Compares; `rules` are those of the scenario and of the step.
pub(crate) fn compare(
    expected: &Value,
    actual: &Value,
    rules: &[&Compare],
    bindings: &mut Bindings,
) -> Vec<String> {
    let mut comparison = Comparison { rules, bindings, differences: Vec::new() };
    comparison.values("", expected, actual);
    comparison.differences
}

impl Comparison<'_> {
    fn ignored(&self, path: &str) -> bool {
        // What a column shows is said in our own words.
        if path.contains("/columnDefinitions/") && path.ends_with("/description") {
            return true;
        }
        self.rules.iter().any(|rules| rules.ignore.iter().any(|ending| path.ends_with(ending.as_str())))
    }

    fn unordered(&self, path: &str) -> bool {
        self.rules.iter().any(|rules| rules.unordered.iter().any(|ending| path.ends_with(ending.as_str())))
    }

    fn differ(&mut self, path: &str, text: impl std::fmt::Display) {
        self.differences.push(format!("{path}: {text}"));
    }

    fn values(&mut self, path: &str, expected: &Value, actual: &Value) {
        if self.ignored(path) {
            return;
        }
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                let keys: std::collections::BTreeSet<_> = expected.keys().chain(actual.keys()).collect();
                for key in keys {
                    let path = format!("{path}/{key}");
                    match (expected.get(key), actual.get(key)) {
                        (Some(expected), Some(actual)) => self.values(&path, expected, actual),
                        (Some(expected), None) if !self.ignored(&path) => {
                            self.differ(&path, format!("missing {expected}"));
                        }
                        (None, Some(actual)) if !self.ignored(&path) => {
                            self.differ(&path, format!("unexpected {actual}"));
                        }
                        _ => {}
                    }
                }
            }
            (Value::Array(expected), Value::Array(actual)) if self.unordered(path) => {
                self.sets(path, expected, actual);
            }
            (Value::Array(expected), Value::Array(actual)) => {
                if expected.len() != actual.len() {
                    let text = format!("{} items instead of {}", actual.len(), expected.len());
                    self.differ(path, text);
                }
                for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                    self.values(&format!("{path}/{index}"), expected, actual);
                }
            }
            (Value::String(text), actual) if text.contains("{{") => self.template(path, text, actual),
            _ if expected == actual => {}
            _ => self.differ(path, format!("expected {expected}, got {actual}")),
        }
    }

    /// Items without a partner; an item's own differences are not told.
    fn sets(&mut self, path: &str, expected: &[Value], actual: &[Value]) {
        let mut left: Vec<&Value> = actual.iter().collect();
        for wanted in expected {
            let partner = left.iter().position(|candidate| {
                let mut trial = Bindings(self.bindings.0.clone());
                compare(wanted, candidate, self.rules, &mut trial).is_empty()
            });
            match partner {
                Some(at) => {
                    let found = left.remove(at);
                    self.values(&format!("{path}/{at}"), wanted, found);
                }
                None => self.differ(path, format!("missing {wanted}")),
            }
        }
        for extra in left {
            self.differ(path, format!("unexpected {extra}"));
        }
    }

    fn template(&mut self, path: &str, template: &str, actual: &Value) {
        let text = match actual {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return self.differ(path, format!("expected {template}, got {other}")),
        };
        let placeholder = Regex::new(r"\{\{([a-z]+)(?::([0-9]+))?\}\}").unwrap();
        let (mut pattern, mut names, mut end) = (String::from("^(?s)"), Vec::new(), 0);
        for found in placeholder.captures_iter(template) {
            let whole = found.get(0).unwrap();
            pattern.push_str(&regex::escape(&template[end..whole.start()]));
            let kind = found[1].to_owned();
            let (_, inner) = PATTERNS.iter().find(|(name, _)| *name == kind).expect("a known placeholder");
            pattern.extend(["(", inner, ")"]);
            names.push((kind, found.get(2).map(|number| number.as_str().to_owned())));
            end = whole.end();
        }
        pattern.push_str(&regex::escape(&template[end..]));
        pattern.push('$');
        let Some(found) = Regex::new(&pattern).unwrap().captures(&text) else {
            return self.differ(path, format!("expected {template:?}, got {text:?}"));
        };
        for (index, (kind, number)) in names.iter().enumerate() {
            if let Some(number) = number
                && let Err(text) = self.bindings.bind(kind, number, &found[index + 1])
            {
                self.differ(path, text);
            }
        }
    }
}
