//! The form's fields, as typed, and what is wrong with them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::portal::{FieldWords, fill};

/// What was typed. Kept as it is when the form is shown again.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) image: String,
    pub(crate) command: String,
    pub(crate) parallelism: String,
    pub(crate) completions: String,
    pub(crate) backoff_limit: String,
    pub(crate) deadline: String,
    /// Not empty: create it suspended.
    pub(crate) suspend: String,
    pub(crate) annotations: String,
    /// Which button: `check` or `create`.
    pub(crate) intent: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            token: String::new(),
            name: String::new(),
            namespace: "default".to_owned(),
            image: "busybox".to_owned(),
            command: "sh -c 'echo hello; sleep 5'".to_owned(),
            parallelism: "1".to_owned(),
            completions: "1".to_owned(),
            backoff_limit: "3".to_owned(),
            deadline: String::new(),
            suspend: String::new(),
            annotations: String::new(),
            intent: String::new(),
        }
    }
}

/// A field that may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Name,
    Namespace,
    Image,
    Command,
    Parallelism,
    Completions,
    BackoffLimit,
    Deadline,
    Annotations,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Nothing was typed.
    Required,
    /// Not a name that Kubernetes takes.
    NotAName,
    /// An image reference with a blank in it, or a very long one.
    NotAnImage,
    /// A quotation without end.
    OpenQuote,
    /// Not a whole number between these.
    NotANumber { from: i32, to: i32 },
    /// This line is no annotation.
    NotAnAnnotation { line: usize },
    /// The server says that there is such a job.
    Taken,
    /// The server says that there is no such namespace.
    NoNamespace,
    /// What the server says.
    Server(String),
}

impl Problem {
    /// In words.
    pub(crate) fn text(&self, words: &FieldWords) -> String {
        match self {
            Self::Required => words.required.to_owned(),
            Self::NotAName => words.not_a_name.to_owned(),
            Self::NotAnImage => words.blank_in_image.to_owned(),
            Self::OpenQuote => words.open_quote.to_owned(),
            Self::NotANumber { from, to } => fill(words.not_a_number, &[&from.to_string(), &to.to_string()]),
            Self::NotAnAnnotation { line } => fill(words.not_an_annotation, &[&line.to_string()]),
            Self::Taken => words.taken.to_owned(),
            Self::NoNamespace => words.no_namespace.to_owned(),
            Self::Server(message) => message.clone(),
        }
    }
}

/// What is wrong, by field; one problem each.
pub(crate) type Problems = BTreeMap<Field, Problem>;
