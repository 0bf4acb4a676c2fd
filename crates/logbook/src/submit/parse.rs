//! From what was typed to what is meant.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::fields::{Field, Fields, Problem, Problems};
use super::shell_words::split;

/// A job as the form describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `None`: the server makes one up.
    pub(crate) name: Option<String>,
    pub(crate) namespace: String,
    pub(crate) image: String,
    /// Empty: the image's own.
    pub(crate) command: Vec<String>,
    pub(crate) parallelism: Option<i32>,
    pub(crate) completions: Option<i32>,
    pub(crate) backoff_limit: Option<i32>,
    pub(crate) deadline_seconds: Option<i64>,
    pub(crate) suspend: bool,
    pub(crate) annotations: BTreeMap<String, String>,
}

const MAX_PODS: i32 = 10_000;
const MAX_BACKOFF: i32 = 1_000;
const MAX_DEADLINE: i32 = 31_536_000;

/// Reads the fields; every field that is wrong is reported, not only the first.
pub(crate) fn parse(fields: &Fields) -> Result<Request, Problems> {
    let mut problems = Problems::new();
    let mut report = |field, problem| {
        problems.insert(field, problem);
    };
    let name = fields.name.trim();
    if !name.is_empty() && !is_label(name) {
        report(Field::Name, Problem::NotAName);
    }
    let namespace = fields.namespace.trim();
    if namespace.is_empty() {
        report(Field::Namespace, Problem::Required);
    } else if !is_label(namespace) {
        report(Field::Namespace, Problem::NotAName);
    }
    let image = fields.image.trim();
    if image.is_empty() {
        report(Field::Image, Problem::Required);
    } else if image.len() > 1024
        || image.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    {
        report(Field::Image, Problem::NotAnImage);
    }
    let command = split(&fields.command).unwrap_or_else(|_| {
        report(Field::Command, Problem::OpenQuote);
        Vec::new()
    });
    let mut number = |field, text: &str, from, to| {
        let text = text.trim();
        let value = i32::from_str(text).ok().filter(|value| (from..=to).contains(value));
        if value.is_none() && !text.is_empty() {
            report(field, Problem::NotANumber { from, to });
        }
        value
    };
    let parallelism = number(Field::Parallelism, &fields.parallelism, 0, MAX_PODS);
    let completions = number(Field::Completions, &fields.completions, 1, MAX_PODS);
    let backoff_limit = number(Field::BackoffLimit, &fields.backoff_limit, 0, MAX_BACKOFF);
    let deadline = number(Field::Deadline, &fields.deadline, 1, MAX_DEADLINE);
    let annotations = annotations(&fields.annotations).unwrap_or_else(|line| {
        report(Field::Annotations, Problem::NotAnAnnotation { line });
        BTreeMap::new()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Request {
        name: (!name.is_empty()).then(|| name.to_owned()),
        namespace: namespace.to_owned(),
        image: image.to_owned(),
        command,
        parallelism,
        completions,
        backoff_limit,
        deadline_seconds: deadline.map(i64::from),
        suspend: !fields.suspend.is_empty(),
        annotations,
    })
}

/// A name that is a DNS label (RFC 1123): a Job's pods carry its name in a label and in their own names.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 63 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// One `key: value` a line; the number of the first line that is none on failure.
fn annotations(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut annotations = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let (key, value) = line.split_once([':', '=']).ok_or(index + 1)?;
        if !is_qualified(key.trim()) {
            return Err(index + 1);
        }
        annotations.insert(key.trim().to_owned(), unquoted(value.trim()).to_owned());
    }
    Ok(annotations)
}

/// `name` or `prefix/name`, as Kubernetes wants keys of annotations.
fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_word = |text: &str, most: usize| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        text.len() <= most
            && text.bytes().all(inner)
            && edge(text.bytes().next())
            && edge(text.bytes().last())
    };
    is_word(name, 63) && prefix.is_none_or(|prefix| is_word(prefix, 253) && !prefix.contains('_'))
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_a_request() {
        let fields = Fields {
            name: " hello ".to_owned(),
            completions: String::new(),
            deadline: "60".to_owned(),
            annotations: "team: \"ml\"\n\nexample.com/duration=30s".to_owned(),
            ..Fields::default()
        };
        let request = parse(&fields).unwrap();
        assert_eq!(request.name.as_deref(), Some("hello"));
        assert_eq!(request.command, ["sh", "-c", "echo hello; sleep 5"]);
        assert_eq!((request.completions, request.deadline_seconds), (None, Some(60)));
        assert_eq!(request.annotations["team"], "ml");
        assert_eq!(request.annotations["example.com/duration"], "30s");
    }

    #[test]
    fn every_wrong_field_is_reported() {
        let fields = Fields {
            name: "Not_A_Name".to_owned(),
            namespace: String::new(),
            image: "busy box".to_owned(),
            command: "echo 'open".to_owned(),
            parallelism: "-1".to_owned(),
            completions: "0".to_owned(),
            backoff_limit: "many".to_owned(),
            deadline: "0".to_owned(),
            annotations: "ok: 1\nno annotation".to_owned(),
            ..Fields::default()
        };
        let problems = parse(&fields).unwrap_err();
        assert_eq!(problems.len(), 9, "{problems:?}");
        assert_eq!(problems[&Field::Annotations], Problem::NotAnAnnotation { line: 2 });
        assert_eq!(problems[&Field::Namespace], Problem::Required);
    }
}
