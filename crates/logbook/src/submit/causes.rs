//! From a refusal of the API server to the fields it is about.

use pilothouse::ClientError;

use super::fields::{Field, Problem, Problems};

/// The server's field paths, each by its beginning.
const PATHS: [(&str, Field); 9] = [
    ("metadata.name", Field::Name),
    ("metadata.namespace", Field::Namespace),
    ("metadata.annotations", Field::Annotations),
    ("spec.template.spec.containers[0].image", Field::Image),
    ("spec.template.spec.containers[0].command", Field::Command),
    ("spec.parallelism", Field::Parallelism),
    ("spec.completions", Field::Completions),
    ("spec.backoffLimit", Field::BackoffLimit),
    ("spec.activeDeadlineSeconds", Field::Deadline),
];

/// The fields that the refusal is about; empty if it is about none of them.
pub(crate) fn problems(error: &ClientError) -> Problems {
    let mut problems = Problems::new();
    if error.is_already_exists() {
        problems.insert(Field::Name, Problem::Taken);
    } else if error.is_not_found() {
        problems.insert(Field::Namespace, Problem::NoNamespace);
    }
    let details = error.status().and_then(|status| status.details.as_ref());
    for cause in details.map(|details| details.causes.as_slice()).unwrap_or_default() {
        // `metadata.namespace` begins with `metadata.name`: the longest beginning counts.
        let begins = PATHS.iter().filter(|(path, _)| cause.field.starts_with(path));
        if let Some((_, field)) = begins.max_by_key(|(path, _)| path.len()) {
            problems.entry(*field).or_insert_with(|| Problem::Server(cause.message.clone()));
        }
    }
    problems
}

/// What the server said, or why it could not be asked: the whole chain of causes in one line.
pub(crate) fn message(error: &ClientError) -> String {
    if let Some(status) = error.status() {
        return status.message.clone();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
